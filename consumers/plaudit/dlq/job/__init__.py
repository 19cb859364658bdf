"""Redrive and purge jobs."""
