"""The `plaudit endpoints` commands."""
