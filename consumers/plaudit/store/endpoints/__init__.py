"""Endpoints and workspaces in the database."""
