"""Totals of all endpoints, and indexes of endpoints in trouble, for the console's first page."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add both. Totals begin empty: earlier hours and minutes are read from the endpoints' rows."""
    for table, moment in (("total_hours", "hour"), ("total_minutes", "minute")):
        op.create_table(
            table,
            sa.Column(moment, sa.BigInteger, primary_key=True, autoincrement=False),
            sa.Column("delivered", sa.BigInteger, nullable=False),
            sa.Column("failed", sa.BigInteger, nullable=False),
            sa.Column("dead", sa.BigInteger, nullable=False),
            sa.Column("diverted", sa.BigInteger, nullable=False),
            sa.Column("latencies", sa.JSON, nullable=False),
        )
    _partial("endpoints_off", "endpoints", "status <> 'active'")
    _partial("endpoint_health_failing", "endpoint_health", "failure_streak > 0", "endpoint_id")


def _partial(name: str, table: str, condition: str, *more: str) -> None:
    where = sa.text(condition)
    op.create_index(
        name, table, ["workspace_id", *more], sqlite_where=where, postgresql_where=where
    )
