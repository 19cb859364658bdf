"""Kinds of attempts, the days with each kind, and the flag for rows with a later row.

In Postgres, building the indexes of a large log would block its writers. So the migration declares
them, and `plaudit.store.db.log_indexes` builds them one day at a time without blocking writers.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

INDEXES = {
    "attempts_kind": (("kind", "started_at"), "NOT followed"),
    "attempts_endpoint_kind": (("endpoint_id", "kind", "started_at"), "NOT followed"),
    "attempts_workspace_kind": (("workspace_id", "kind", "started_at"), "NOT followed"),
    "attempts_latest": (("started_at",), "NOT followed"),
    "attempts_past": (("started_at",), "followed"),
}


def upgrade() -> None:
    """Add the columns, the tables and the indexes."""
    op.create_table(
        "log_kinds",
        sa.Column("kind", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("event_type", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("reason", sa.Text),
    )
    op.create_table(
        "log_days",
        sa.Column("scope", sa.Text, primary_key=True),
        sa.Column("day", sa.Integer, primary_key=True),
        sa.Column("kind", sa.BigInteger, primary_key=True, autoincrement=False),
        sqlite_with_rowid=False,
    )
    # Without `batch_alter_table`, which would copy the whole log.
    op.execute("ALTER TABLE attempts ADD COLUMN kind BIGINT")
    op.execute("ALTER TABLE attempts ADD COLUMN followed BOOLEAN NOT NULL DEFAULT FALSE")
    native = op.get_bind().dialect.name == "postgresql"
    only = "ONLY " if native else ""
    for name, (columns, where) in INDEXES.items():
        op.execute(f"CREATE INDEX {name} ON {only}attempts ({', '.join(columns)}) WHERE {where}")
    if native:
        return
    for name in ("attempts_age", "attempts_endpoint", "attempts_workspace"):
        op.drop_index(name, "attempts")
