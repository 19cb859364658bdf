"""Routes for signing in and out, which need no session."""
