"""Endpoints, their outbox, and leases."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "endpoints",
        sa.Column("endpoint_id", sa.String(36), primary_key=True),
        sa.Column("workspace_id", sa.String(36), nullable=False),
        sa.Column("name", sa.String(200)),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("key_id", sa.String(8), nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("event_types", sa.JSON, nullable=False),
        sa.Column("spaces", sa.JSON, nullable=False),
        sa.Column("content_filter", sa.String),
        sa.Column("format", sa.String(40), nullable=False),
        sa.Column("rate_limit", sa.Float),
        sa.Column("schedule", sa.String(400)),
        sa.Column("signature_kinds", sa.JSON, nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("status_reason", sa.String(400)),
        sa.Column("status_since", sa.BigInteger),
        sa.Column("active_from", sa.BigInteger, nullable=False),
        sa.Column("announced", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("workspace_id", "name", name="endpoints_name"),
    )
    op.create_index("endpoints_workspace", "endpoints", ["workspace_id"])
    number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "outbox",
        sa.Column("number", number, primary_key=True, autoincrement=True),
        sa.Column("endpoint_id", sa.String(36), nullable=False),
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.String(40), primary_key=True),
        sa.Column("owner", sa.String(80), nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("leases")
    op.drop_table("outbox")
    op.drop_table("endpoints")
