"""Outcomes per minute."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "endpoint_minutes",
        sa.Column("endpoint_id", sa.Text, primary_key=True),
        sa.Column("minute", sa.BigInteger, primary_key=True),
        sa.Column("workspace_id", sa.Text, nullable=False),
        sa.Column("delivered", sa.BigInteger, nullable=False),
        sa.Column("failed", sa.BigInteger, nullable=False),
        sa.Column("dead", sa.BigInteger, nullable=False),
        sa.Column("diverted", sa.BigInteger, nullable=False),
        sa.Column("latencies", sa.JSON, nullable=False),
    )
    op.create_index("endpoint_minutes_workspace", "endpoint_minutes", ["workspace_id", "minute"])
    op.create_index("endpoint_minutes_age", "endpoint_minutes", ["minute"])
