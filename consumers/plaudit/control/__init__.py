"""Operators' actions on deliveries: show, retry, trace, test. Built on store, log and Kafka."""
