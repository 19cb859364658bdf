"""The edge to Kafka: settings, topics, the one Producer and the one Consumer."""
