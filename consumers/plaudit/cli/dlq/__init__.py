"""The `plaudit dlq` commands."""
