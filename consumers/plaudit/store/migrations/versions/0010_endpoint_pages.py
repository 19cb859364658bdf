"""Order of endpoints as an index, so that a page of them does not read the others."""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the order by creation, of all endpoints and of those of a workspace."""
    order = ["created_at", "endpoint_id"]
    op.create_index("endpoints_created", "endpoints", order)
    op.create_index("endpoints_workspace_created", "endpoints", ["workspace_id", *order])
    op.drop_index("endpoints_workspace", table_name="endpoints")
