"""Signing in: sessions, cookies, and protection against forged requests."""
