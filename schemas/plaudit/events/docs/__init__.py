"""Generators of the event catalogue's documentation."""
