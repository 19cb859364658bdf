"""Addresses, name resolution, dialling and TLS."""
