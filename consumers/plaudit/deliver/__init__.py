"""Delivery worker: from a Kafka record to a settled delivery."""
