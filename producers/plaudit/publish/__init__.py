"""Publishing events from upstream services."""
