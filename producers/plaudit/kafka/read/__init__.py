"""Kafka readers."""
