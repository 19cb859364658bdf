"""The delivery log, endpoint health, workspaces, notices and API keys."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    _attempts()
    _health()
    _workspaces()


def _attempts() -> None:
    native = op.get_bind().dialect.name == "postgresql"
    an_id: sa.Uuid[Any] | sa.LargeBinary = sa.Uuid() if native else sa.LargeBinary(16)
    op.create_table(
        "attempts",
        sa.Column("attempt_id", an_id, primary_key=True),
        sa.Column("started_at", sa.BigInteger, primary_key=True),
        sa.Column("delivery_id", an_id, nullable=False),
        sa.Column("event_id", an_id, nullable=False),
        sa.Column("event_type", sa.Text, nullable=False),
        sa.Column("workspace_id", sa.Text, nullable=False),
        sa.Column("endpoint_id", sa.Text, nullable=False),
        sa.Column("endpoint_version", sa.BigInteger, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("origin_topic", sa.Text, nullable=False),
        sa.Column("origin_partition", sa.Integer, nullable=False),
        sa.Column("origin_offset", sa.BigInteger, nullable=False),
        sa.Column("trigger", sa.Text, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("status", sa.Integer),
        sa.Column("dns_ms", sa.Float),
        sa.Column("connect_ms", sa.Float),
        sa.Column("tls_ms", sa.Float),
        sa.Column("first_byte_ms", sa.Float),
        sa.Column("total_ms", sa.Float),
        sa.Column("bytes_sent", sa.BigInteger, nullable=False),
        sa.Column("answer_headers", sa.Text),
        sa.Column("answer_snippet", sa.LargeBinary),
        sa.Column("error", sa.Text),
        sa.Column("next_due_at", sa.BigInteger),
        sa.Column("worker", sa.Text, nullable=False),
        postgresql_partition_by="RANGE (started_at)",
    )
    op.create_index("attempts_age", "attempts", ["started_at"])
    op.create_index("attempts_delivery", "attempts", ["delivery_id"])
    op.create_index("attempts_event", "attempts", ["event_id"])
    op.create_index("attempts_subject", "attempts", ["subject"])
    op.create_index("attempts_endpoint", "attempts", ["endpoint_id", "started_at"])
    op.create_index("attempts_workspace", "attempts", ["workspace_id", "started_at"])
    if native:
        op.execute("CREATE TABLE attempts_default PARTITION OF attempts DEFAULT")


def _health() -> None:
    op.create_table(
        "endpoint_health",
        sa.Column("endpoint_id", sa.Text, primary_key=True),
        sa.Column("workspace_id", sa.Text, nullable=False),
        sa.Column("last_attempt_at", sa.BigInteger, nullable=False),
        sa.Column("last_success_at", sa.BigInteger),
        sa.Column("last_failure_at", sa.BigInteger),
        sa.Column("failing_since", sa.BigInteger),
        sa.Column("failing_version", sa.BigInteger),
        sa.Column("failure_streak", sa.BigInteger, nullable=False),
        sa.Column("last_status", sa.Integer),
        sa.Column("last_reason", sa.Text),
        sa.Column("last_error", sa.Text),
    )
    op.create_table(
        "endpoint_hours",
        sa.Column("endpoint_id", sa.Text, primary_key=True),
        sa.Column("hour", sa.BigInteger, primary_key=True),
        sa.Column("workspace_id", sa.Text, nullable=False),
        sa.Column("delivered", sa.BigInteger, nullable=False),
        sa.Column("failed", sa.BigInteger, nullable=False),
        sa.Column("dead", sa.BigInteger, nullable=False),
        sa.Column("diverted", sa.BigInteger, nullable=False),
        sa.Column("latencies", sa.JSON, nullable=False),
    )
    op.create_index("endpoint_hours_workspace", "endpoint_hours", ["workspace_id", "hour"])


def _workspaces() -> None:
    op.create_table(
        "workspaces",
        sa.Column("workspace_id", sa.String(36), primary_key=True),
        sa.Column("name", sa.String(200)),
        sa.Column("notify_endpoint_id", sa.String(36)),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "notices",
        sa.Column("notice_id", sa.String(36), primary_key=True),
        sa.Column("workspace_id", sa.String(36), nullable=False),
        sa.Column("type", sa.String(60), nullable=False),
        sa.Column("data", sa.JSON, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_at", sa.BigInteger, nullable=False),
    )
    op.create_index("notices_due", "notices", ["next_at"])
    op.create_table(
        "api_keys",
        sa.Column("key_id", sa.String(36), primary_key=True),
        sa.Column("hash", sa.String(64), nullable=False, unique=True),
        sa.Column("scope", sa.String(20), nullable=False),
        sa.Column("workspace_id", sa.String(36)),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("hint", sa.String(16), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("used_at", sa.BigInteger),
        sa.Column("revoked_at", sa.BigInteger),
    )
    op.create_index("api_keys_workspace", "api_keys", ["workspace_id"])


def downgrade() -> None:
    """Drop the tables."""
    for table in (
        "api_keys",
        "notices",
        "workspaces",
        "endpoint_hours",
        "endpoint_health",
        "attempts",
    ):
        op.drop_table(table)
