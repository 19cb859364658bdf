"""Transactional outbox: events written in a service's own database transaction, then relayed."""
