"""Table definitions, as of the newest migration."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    Uuid,
    false,
    text,
)
from sqlalchemy.types import TypeEngine

METADATA: Final = MetaData()
_OPTIONS: Final = "dialect options"


class Id(TypeDecorator[str]):
    """A UUID: text in Python, 16 bytes in SQLite, `uuid` in Postgres.

    Each row of the log has three, all indexed; as text, they would double its size.
    """

    impl = LargeBinary(16)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the column type of this database."""
        native = dialect.name == "postgresql"
        return dialect.type_descriptor(Uuid(as_uuid=False) if native else LargeBinary(16))

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | bytes | None:
        """Return the value for the driver."""
        return value if value is None or dialect.name == "postgresql" else UUID(value).bytes

    def process_result_value(self, value: str | bytes | None, dialect: Dialect) -> str | None:
        """Return the id as text."""
        del dialect
        return str(UUID(bytes=value)) if isinstance(value, bytes) else value


def partial_index(name: str, condition: str, *columns: str) -> Index:
    """Return an index of the rows that fulfill a condition."""
    where = text(condition)
    return Index(
        name, *columns, info={_OPTIONS: {"sqlite_where": where, "postgresql_where": where}}
    )


def set_dialect_options() -> None:
    """Set the options that only one kind of database has; a migration compares them.

    Each kind is imported for it, which every command would pay at its start.
    """
    for table in METADATA.tables.values():
        parts: list[Table | Index] = [table, *table.indexes]
        for each in parts:
            each.dialect_kwargs.update(each.info.get(_OPTIONS, {}))


# SQLite assigns row numbers only in a column of type INTEGER.
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
    Index("endpoints_created", "created_at", "endpoint_id"),
    Index("endpoints_workspace_created", "workspace_id", "created_at", "endpoint_id"),
    partial_index("endpoints_off", "status <> 'active'", "workspace_id"),
)
"""Endpoints; times in epoch milliseconds. `announced`: its first version is in Kafka."""

OUTBOX: Final = Table(
    "outbox",
    METADATA,
    Column("number", _NUMBER, primary_key=True, autoincrement=True),
    Column("endpoint_id", String(36), nullable=False),
)
"""Endpoints whose state must be written to Kafka; a row is deleted on acknowledgement."""

LEASES: Final = Table(
    "leases",
    METADATA,
    Column("name", String(40), primary_key=True),
    Column("owner", String(80), nullable=False),
    Column("expires_at", BigInteger, nullable=False),
)
"""Leases: owner and end of work that only one process may do at a time."""


def _latest_by(name: str, *columns: str) -> Index:
    return partial_index(name, "NOT followed", *columns, "started_at")


ATTEMPTS: Final = Table(
    "attempts",
    METADATA,
    Column("attempt_id", Id, primary_key=True),
    Column("started_at", BigInteger, primary_key=True),
    Column("delivery_id", Id, nullable=False),
    Column("event_id", Id, nullable=False),
    Column("event_type", Text, nullable=False),
    Column("workspace_id", Text, nullable=False),
    Column("endpoint_id", Text, nullable=False),
    Column("endpoint_version", BigInteger, nullable=False),
    Column("subject", Text, nullable=False),
    Column("origin_topic", Text, nullable=False),
    Column("origin_partition", Integer, nullable=False),
    Column("origin_offset", BigInteger, nullable=False),
    Column("trigger", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("reason", Text),
    Column("status", Integer),
    Column("dns_ms", Float),
    Column("connect_ms", Float),
    Column("tls_ms", Float),
    Column("first_byte_ms", Float),
    Column("total_ms", Float),
    Column("bytes_sent", BigInteger, nullable=False),
    Column("answer_headers", Text),
    Column("answer_snippet", LargeBinary),
    Column("error", Text),
    Column("next_due_at", BigInteger),
    Column("worker", Text, nullable=False),
    Column("kind", BigInteger),
    Column("followed", Boolean, nullable=False, server_default=false()),
    Index("attempts_delivery", "delivery_id"),
    Index("attempts_event", "event_id"),
    Index("attempts_subject", "subject"),
    _latest_by("attempts_kind", "kind"),
    _latest_by("attempts_endpoint_kind", "endpoint_id", "kind"),
    _latest_by("attempts_workspace_kind", "workspace_id", "kind"),
    _latest_by("attempts_latest"),
    partial_index("attempts_past", "followed", "started_at"),
)
"""The delivery log: a row for each record of the attempts topic, with the same field names.

In Postgres it is partitioned by days of `started_at`. A repeated record has the same `started_at`,
so the log never has a row twice. `answer_headers` is JSON. `kind` refers to LOG_KINDS; rows of
earlier releases have none. `followed` means that the same delivery has a later row: most lists
show only rows that are not followed, which have their own indexes.
"""

LOG_KINDS: Final = Table(
    "log_kinds",
    METADATA,
    Column("kind", BigInteger, primary_key=True, autoincrement=False),
    Column("event_type", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("status", Integer),
    Column("reason", Text),
)
"""Kinds of attempts: combinations of the values by which callers filter the log."""

LOG_DAYS: Final = Table(
    "log_days",
    METADATA,
    Column("scope", Text, primary_key=True),
    Column("day", Integer, primary_key=True),
    Column("kind", BigInteger, primary_key=True, autoincrement=False),
    info={_OPTIONS: {"sqlite_with_rowid": False}},
)
"""Days with rows of a kind, for a workspace, an endpoint or the whole log (empty scope)."""

WORKSPACES: Final = Table(
    "workspaces",
    METADATA,
    Column("workspace_id", String(36), primary_key=True),
    Column("name", String(200)),
    Column("notify_endpoint_id", String(36)),
    Column("notify_types", JSON),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
)
"""Settings of a workspace: the endpoint that receives its notices, and their types."""

NOTICES: Final = Table(
    "notices",
    METADATA,
    Column("notice_id", String(36), primary_key=True),
    Column("workspace_id", String(36), nullable=False),
    Column("type", String(60), nullable=False),
    Column("data", JSON, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_at", BigInteger, nullable=False),
    Index("notices_due", "next_at"),
)
"""Pending notices; a row is deleted once it is sent, or if it has no recipient."""

API_KEYS: Final = Table(
    "api_keys",
    METADATA,
    Column("key_id", String(36), primary_key=True),
    Column("hash", String(64), nullable=False, unique=True),
    Column("scope", String(20), nullable=False),
    Column("workspace_id", String(36)),
    Column("name", String(200), nullable=False),
    Column("hint", String(16), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("used_at", BigInteger),
    Column("revoked_at", BigInteger),
    Index("api_keys_workspace", "workspace_id"),
)
"""API keys: the SHA-256 and the last characters of each."""

ANSWERS: Final = Table(
    "answers",
    METADATA,
    Column("answer_id", String(64), primary_key=True),
    Column("request", String(64), nullable=False),
    Column("begun_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("status", Integer),
    Column("key_id", String(8)),
    Column("sealed", LargeBinary),
    Index("answers_age", "expires_at"),
)
"""Encrypted responses to idempotent requests; without a status, the request is in progress."""

AUDIT: Final = Table(
    "audit",
    METADATA,
    Column("number", _NUMBER, primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False),
    Column("workspace_id", String(36)),
    Column("actor_kind", String(20), nullable=False),
    Column("actor_id", String(200), nullable=False),
    Column("address", String(200), nullable=False),
    Column("action", String(60), nullable=False),
    Column("target", String(200), nullable=False),
    Column("before", JSON),
    Column("after", JSON),
    Column("actor_name", String(200)),
    Index("audit_age", "at"),
    Index("audit_workspace", "workspace_id", "number"),
    Index("audit_target", "target", "number"),
)
"""Audit log: a row for each change, with the changed fields and without secrets."""

JOBS: Final = Table(
    "jobs",
    METADATA,
    Column("job_id", String(36), primary_key=True),
    Column("workspace_id", String(36)),
    Column("kind", String(20), nullable=False),
    Column("state", String(20), nullable=False),
    Column("lane", String(60), nullable=False),
    Column("params", JSON, nullable=False),
    Column("dry_run", Boolean, nullable=False),
    Column("created_by", String(240), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("started_at", BigInteger),
    Column("ended_at", BigInteger),
    Column("owner", String(200)),
    Column("lease_until", BigInteger),
    Column("cancelling", Boolean, nullable=False, server_default=false()),
    Column("chosen", BigInteger, nullable=False, server_default="0"),
    Column("moved", BigInteger, nullable=False, server_default="0"),
    Column("note", Text),
    Column("position", Text),
    Column("report", JSON),
    Column("error", Text),
    Index("jobs_state", "state", "job_id"),
    Index("jobs_workspace", "workspace_id", "job_id"),
    Index("jobs_age", "ended_at"),
)
"""Jobs; a running one belongs to its `owner` until `lease_until`."""

JOB_EVENTS: Final = Table(
    "job_events",
    METADATA,
    Column("number", _NUMBER, primary_key=True, autoincrement=True),
    Column("job_id", String(36), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("type", String(20), nullable=False),
    Column("data", JSON, nullable=False),
    Index("job_events_job", "job_id", "number"),
)
"""Steps of jobs: changes of state, and progress."""
