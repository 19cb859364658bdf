"""From a Kafka record to a settled delivery."""
