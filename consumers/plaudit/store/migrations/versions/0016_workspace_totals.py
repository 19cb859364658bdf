"""Totals of each workspace, for the overview of one that has many endpoints."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create both tables. They begin empty: earlier times are read from the endpoints' rows."""
    for table, moment in (("workspace_hours", "hour"), ("workspace_minutes", "minute")):
        op.create_table(
            table,
            sa.Column("workspace_id", sa.Text, primary_key=True),
            sa.Column(moment, sa.BigInteger, primary_key=True, autoincrement=False),
            sa.Column("delivered", sa.BigInteger, nullable=False),
            sa.Column("failed", sa.BigInteger, nullable=False),
            sa.Column("dead", sa.BigInteger, nullable=False),
            sa.Column("diverted", sa.BigInteger, nullable=False),
            sa.Column("latencies", sa.JSON, nullable=False),
        )
        op.create_index(f"{table}_age", table, [moment])
