"""Oldest release that works with the tables, so that releases can run side by side."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table. Releases before this one do not read it."""
    floor = op.create_table("schema_floor", sa.Column("revision", sa.String(32), primary_key=True))
    op.bulk_insert(floor, [{"revision": revision}])
