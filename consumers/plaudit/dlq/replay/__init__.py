"""Replay of past events to an endpoint."""
