"""The tables, as the newest migration leaves them."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
)

METADATA: Final = MetaData()

# SQLite numbers rows by itself only in a column of type INTEGER.
_NUMBER = BigInteger().with_variant(Integer, "sqlite")

ENDPOINTS: Final = Table(
    "endpoints",
    METADATA,
    Column("endpoint_id", String(36), primary_key=True),
    Column("workspace_id", String(36), nullable=False),
    Column("name", String(200)),
    Column("version", BigInteger, nullable=False),
    Column("key_id", String(8), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("event_types", JSON, nullable=False),
    Column("spaces", JSON, nullable=False),
    Column("content_filter", String),
    Column("format", String(40), nullable=False),
    Column("rate_limit", Float),
    Column("schedule", String(400)),
    Column("signature_kinds", JSON, nullable=False),
    Column("status", String(20), nullable=False),
    Column("status_reason", String(400)),
    Column("status_since", BigInteger),
    Column("active_from", BigInteger, nullable=False),
    Column("announced", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    UniqueConstraint("workspace_id", "name", name="endpoints_name"),
    Index("endpoints_workspace", "workspace_id"),
)
"""Endpoints; times in epoch milliseconds. `announced`: the brokers have its first version."""

OUTBOX: Final = Table(
    "outbox",
    METADATA,
    Column("number", _NUMBER, primary_key=True, autoincrement=True),
    Column("endpoint_id", String(36), nullable=False),
)
"""Endpoints whose state is to be written to Kafka; a row goes when the brokers have it."""

LEASES: Final = Table(
    "leases",
    METADATA,
    Column("name", String(40), primary_key=True),
    Column("owner", String(80), nullable=False),
    Column("expires_at", BigInteger, nullable=False),
)
"""Who may do what only one may do at a time, and until when."""
