"""What people do with deliveries: look at them, retry, trace, test. Over store, log and Kafka."""
