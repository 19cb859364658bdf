"""Topics and permissions."""
