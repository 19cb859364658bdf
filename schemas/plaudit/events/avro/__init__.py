"""Avro encoding and decoding of events."""
