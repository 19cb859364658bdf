"""The pipeline's own records, and the names that every part must agree on."""
