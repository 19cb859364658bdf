"""Schema registry client."""
