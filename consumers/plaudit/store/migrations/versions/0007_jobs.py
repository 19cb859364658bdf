"""Jobs, and their steps."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "jobs",
        sa.Column("job_id", sa.String(36), primary_key=True),
        sa.Column("workspace_id", sa.String(36)),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("lane", sa.String(60), nullable=False),
        sa.Column("params", sa.JSON, nullable=False),
        sa.Column("dry_run", sa.Boolean, nullable=False),
        sa.Column("created_by", sa.String(240), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("started_at", sa.BigInteger),
        sa.Column("ended_at", sa.BigInteger),
        sa.Column("owner", sa.String(200)),
        sa.Column("lease_until", sa.BigInteger),
        sa.Column("cancelling", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("chosen", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("moved", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("note", sa.Text),
        sa.Column("position", sa.Text),
        sa.Column("report", sa.JSON),
        sa.Column("error", sa.Text),
    )
    op.create_index("jobs_state", "jobs", ["state", "job_id"])
    op.create_index("jobs_workspace", "jobs", ["workspace_id", "job_id"])
    op.create_index("jobs_age", "jobs", ["ended_at"])
    number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "job_events",
        sa.Column("number", number, primary_key=True, autoincrement=True),
        sa.Column("job_id", sa.String(36), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("type", sa.String(20), nullable=False),
        sa.Column("data", sa.JSON, nullable=False),
    )
    op.create_index("job_events_job", "job_events", ["job_id", "number"])
