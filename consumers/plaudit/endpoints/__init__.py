"""Endpoints in memory: model, secrets, signatures, and matching."""
