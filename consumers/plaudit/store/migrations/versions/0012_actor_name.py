"""Names of the actors of the audit log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; it is null for actors without a name, and for entries of earlier releases."""
    op.add_column("audit", sa.Column("actor_name", sa.String(200)))
