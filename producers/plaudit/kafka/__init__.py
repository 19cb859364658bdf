"""Kafka access: settings, topics, producers and consumers."""
