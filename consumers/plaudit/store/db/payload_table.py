"""Table of stored events, as of the newest migration."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Index, Integer, LargeBinary, String, Table, Text

from plaudit.store.db.tables import METADATA, Id

PAYLOADS: Final = Table(
    "payloads",
    METADATA,
    Column("event_id", Id, primary_key=True),
    Column("workspace_id", Text, primary_key=True),
    Column("day", Integer, nullable=False),
    Column("key_id", String(8), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Index("payloads_day", "day"),
)
"""Encrypted records of delivered events; `day` is the epoch day on which the recorder read one."""
