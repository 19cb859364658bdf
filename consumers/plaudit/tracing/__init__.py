"""Spans of the pipeline, made from measured times after the work has ended."""
