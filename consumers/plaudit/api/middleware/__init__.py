"""Middleware of the REST API."""
