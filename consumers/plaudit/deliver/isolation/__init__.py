"""Isolation between endpoints: admission, circuit breakers and rate limits."""
