"""The redrive and purge job."""
