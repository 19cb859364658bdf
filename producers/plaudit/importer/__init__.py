"""Reviews from files: CSV, JSON lines and JSON become `review.imported` events."""
