"""Encrypted events, for installations that keep them longer than Kafka does."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from plaudit.store.db.tables import Id

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table. Releases before this one do not read it."""
    op.create_table(
        "payloads",
        sa.Column("event_id", Id, primary_key=True),
        sa.Column("workspace_id", sa.Text, primary_key=True),
        sa.Column("day", sa.Integer, nullable=False),
        sa.Column("key_id", sa.String(8), nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )
    op.create_index("payloads_day", "payloads", ["day"])
