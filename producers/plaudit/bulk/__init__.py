"""Support for jobs over many records: progress, stopping, and back-pressure."""
