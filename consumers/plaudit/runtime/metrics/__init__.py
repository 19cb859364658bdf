"""Catalogue of metrics, and the collectors that every process has."""
