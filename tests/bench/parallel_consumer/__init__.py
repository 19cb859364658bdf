"""Confluent's parallel-consumer with Vert.x, a reference that only POSTs the raw records."""
