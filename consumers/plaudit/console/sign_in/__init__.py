"""Signing in and out: routes that need no session."""
