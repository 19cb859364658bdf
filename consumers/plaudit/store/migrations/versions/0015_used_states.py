"""States of sign-ins with a provider, which several serving processes use once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table. Releases before this one remember states in memory."""
    op.create_table(
        "used_states",
        sa.Column("hash", sa.String(64), primary_key=True),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
    )
    op.create_index("used_states_age", "used_states", ["expires_at"])
