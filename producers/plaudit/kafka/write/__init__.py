"""Kafka writers."""
