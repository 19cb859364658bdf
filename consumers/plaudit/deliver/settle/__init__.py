"""Writing of outcomes: retries, dead letters, attempt records."""
