"""Worker processes: supervisor, health and metrics."""
