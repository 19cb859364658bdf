"""The delivery log in the database."""
