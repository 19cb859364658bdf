"""Writing to Kafka."""
