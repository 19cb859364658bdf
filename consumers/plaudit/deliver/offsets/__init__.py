"""Offsets: records read, records done, and positions to commit."""
