"""Records that Plaudit itself writes, and the names that all components share."""
