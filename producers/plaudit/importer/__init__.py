"""Review import: rows of CSV, JSON lines and JSON become `review.imported` events."""
