"""Tables of the console's sessions, as of the newest migration."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import JSON, BigInteger, Column, Index, String, Table, Text

from plaudit.store.db.tables import METADATA


def _granted() -> list[Column[Any]]:
    """Return the columns with the permissions of a session or a link."""
    return [
        Column("face", String(20), nullable=False),
        Column("name", String(200), nullable=False),
        Column("scope", String(20), nullable=False),
        Column("workspace_id", String(36)),
        Column("key_id", String(36)),
        Column("pages", JSON, nullable=False),
        Column("return_url", Text),
        Column("theme", JSON, nullable=False),
    ]


SESSIONS: Final = Table(
    "sessions",
    METADATA,
    Column("session_id", String(36), primary_key=True),
    Column("hash", String(64), nullable=False, unique=True),
    *_granted(),
    Column("address", String(60), nullable=False),
    Column("agent", String(200), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("used_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
    Index("sessions_age", "expires_at"),
)
"""Sessions of the console and the portal, by the SHA-256 of their token."""

SIGN_IN_LINKS: Final = Table(
    "sign_in_links",
    METADATA,
    Column("link_id", String(36), primary_key=True),
    Column("hash", String(64), nullable=False, unique=True),
    *_granted(),
    Column("session_ms", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
)
"""Links that begin a session; a row is deleted once its link is used or expired."""

USED_STATES: Final = Table(
    "used_states",
    METADATA,
    Column("hash", String(64), primary_key=True),
    Column("expires_at", BigInteger, nullable=False),
    Index("used_states_age", "expires_at"),
)
"""SHA-256 of the states with which sign-ins ended at this console, until they are too old."""
