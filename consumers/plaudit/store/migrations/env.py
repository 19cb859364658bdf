"""Alembic's environment: runs migrations on the connection of the caller."""

from __future__ import annotations

from alembic import context

from plaudit.store.db.tables import METADATA, set_dialect_options

set_dialect_options()
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
