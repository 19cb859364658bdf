"""Stored events: one encrypted row for each event and workspace, read when Kafka has it no more."""

from __future__ import annotations

import base64
from collections.abc import Collection, Iterator, Mapping
from typing import Final, NamedTuple

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from plaudit.endpoints.keys import Sealed, SecretKeys
from plaudit.kafka.read.record_reader import StoredRecord
from plaudit.store.db.database import reading, translated
from plaudit.store.db.payload_table import PAYLOADS
from plaudit.store.db.upsert import insert_into

_AT_ONCE: Final = 500
"""Rows per query."""
_DELETED_AT_ONCE: Final = 2_000
"""Rows per transaction, which blocks SQLite's other writers."""


class PayloadKey(NamedTuple):
    """Key of a stored event."""

    event_id: str
    workspace_id: str


class PayloadStore:
    """Stores the records of events, encrypted; each is bound to its event and workspace.

    Args:
        engine: database.
        keys: keys that encrypt and decrypt them.
    """

    def __init__(self, engine: Engine, keys: SecretKeys) -> None:
        self._engine = engine
        self._keys = keys

    def missing(self, wanted: Collection[PayloadKey]) -> set[PayloadKey]:
        """Return the keys of events that are not stored.

        Raises:
            DatabaseFailure: the database is unavailable.
        """
        left = set(wanted)
        with reading(self._engine) as connection:
            for some in _chunks(sorted({each.event_id for each in wanted})):
                query = sa.select(PAYLOADS.c.event_id, PAYLOADS.c.workspace_id).where(
                    PAYLOADS.c.event_id.in_(some)
                )
                left -= {PayloadKey(*row) for row in connection.execute(query)}
        return left

    def add(self, day: int, records: Mapping[PayloadKey, StoredRecord]) -> None:
        """Store records; those that are stored already stay as they are.

        Args:
            day: epoch day from which their retention counts.
            records: records of the event topics.

        Raises:
            DatabaseFailure: nothing was stored.
        """
        if not records:
            return
        given = []
        for key in sorted(records):
            sealed = self._keys.seal(_binding(key), _packed(records[key]))
            given.append(
                {**key._asdict(), "day": day, "key_id": sealed.key_id, "sealed": sealed.blob}
            )
        with translated(), self._engine.begin() as connection:
            connection.execute(insert_into(connection, PAYLOADS).on_conflict_do_nothing(), given)

    def find(self, event_id: str, workspace_id: str) -> StoredRecord | None:
        """Return the record of an event; None if it is not stored for this workspace.

        Raises:
            CannotOpen: the key that encrypted it is missing, or the row was changed.
            DatabaseFailure: the database is unavailable.
        """
        key = PayloadKey(event_id, workspace_id)
        query = sa.select(PAYLOADS.c.key_id, PAYLOADS.c.sealed).where(
            PAYLOADS.c.event_id == event_id, PAYLOADS.c.workspace_id == workspace_id
        )
        with reading(self._engine) as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        return _unpacked(self._keys.open(_binding(key), Sealed(row.key_id, bytes(row.sealed))))


def forget_payloads(engine: Engine, before_day: int) -> int:
    """Delete the events that were stored before a day; return their number.

    Raises:
        DatabaseFailure: the database is unavailable; the next run continues.
    """
    old = (
        sa.select(PAYLOADS.c.event_id, PAYLOADS.c.workspace_id)
        .where(PAYLOADS.c.day < before_day)
        .limit(_DELETED_AT_ONCE)
    )
    key = sa.tuple_(PAYLOADS.c.event_id, PAYLOADS.c.workspace_id)
    gone = 0
    while True:
        with translated(), engine.begin() as connection:
            count = connection.execute(PAYLOADS.delete().where(key.in_(old))).rowcount
        gone += count
        if count < _DELETED_AT_ONCE:
            return gone


def _binding(key: PayloadKey) -> str:
    return f"payload {key.workspace_id} {key.event_id}"


def _packed(record: StoredRecord) -> bytes:
    """Return a record as bytes: a line of JSON, then the value."""
    head = {
        "at": record.timestamp_ms,
        "key": None if record.key is None else base64.b64encode(record.key).decode(),
        "headers": [(name, base64.b64encode(value).decode()) for name, value in record.headers],
    }
    return orjson.dumps(head) + b"\n" + record.value


def _unpacked(packed: bytes) -> StoredRecord:
    line, _, value = packed.partition(b"\n")
    head = orjson.loads(line)
    key = None if head["key"] is None else base64.b64decode(head["key"])
    headers = [(name, base64.b64decode(text)) for name, text in head["headers"]]
    return StoredRecord(value, key, headers, head["at"])


def _chunks(ids: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(ids), _AT_ONCE):
        yield ids[start : start + _AT_ONCE]
