"""Counters and the log event of an attempt."""
