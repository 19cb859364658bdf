"""Types of the notices that a workspace receives."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; null means the type that earlier releases sent."""
    op.add_column("workspaces", sa.Column("notify_types", sa.JSON))
