"""Generators of the event catalogue's documents."""
