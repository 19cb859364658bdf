"""Stored events: encrypted, of one workspace, and deleted by day; on both databases."""

from __future__ import annotations

from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from plaudit.endpoints.keys import CannotOpen
from plaudit.kafka.read.record_reader import StoredRecord
from plaudit.store.db.database import reading
from plaudit.store.db.payload_table import PAYLOADS
from plaudit.store.log.payloads import PayloadKey, PayloadStore, forget_payloads
from store.unreachable import KEYS

TEXT = b"Ada Lovelace praised it\nin two lines"
RECORD = StoredRecord(TEXT, b"subject", [("ce_id", b"1"), ("ce_id", b"\xff\x00")], 1_700_000)
MINE = PayloadKey(str(uuid4()), str(uuid4()))
STRANGER = str(uuid4())


def test_a_stored_event_is_the_record_that_kafka_had(engine: Engine) -> None:
    store = PayloadStore(engine, KEYS)
    without_key = PayloadKey(str(uuid4()), MINE.workspace_id)
    store.add(7, {MINE: RECORD, without_key: StoredRecord(b"", None, [], 0)})
    assert store.find(*MINE) == RECORD
    assert store.find(*without_key) == StoredRecord(b"", None, [], 0)


def test_an_event_is_stored_once_for_each_workspace(engine: Engine) -> None:
    store = PayloadStore(engine, KEYS)
    other = PayloadKey(MINE.event_id, STRANGER)
    assert store.missing([MINE, other]) == {MINE, other}
    store.add(7, {MINE: RECORD})
    store.add(8, {MINE: StoredRecord(b"later", None, [], 0)})
    assert store.find(*MINE) == RECORD
    assert store.missing([MINE, other]) == {other}


def test_another_workspace_can_not_read_an_event(engine: Engine) -> None:
    store = PayloadStore(engine, KEYS)
    store.add(7, {MINE: RECORD})
    assert store.find(MINE.event_id, STRANGER) is None
    with engine.begin() as connection:
        connection.execute(PAYLOADS.update().values(workspace_id=STRANGER))
    with pytest.raises(CannotOpen, match="damaged"):
        store.find(MINE.event_id, STRANGER)


def test_the_database_has_nothing_of_an_event_in_clear(engine: Engine) -> None:
    PayloadStore(engine, KEYS).add(7, {MINE: RECORD})
    with reading(engine) as connection:
        [sealed] = connection.execute(sa.select(PAYLOADS.c.sealed)).scalars()
    # A word of two letters is in any kilobyte of random bytes, now and then.
    long = [word for word in TEXT.split() if len(word) > 4]
    assert long
    for text in (*long, b"ce_id", b"subject"):
        assert text not in bytes(sealed)


def test_events_are_deleted_by_the_day_on_which_they_were_stored(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("plaudit.store.log.payloads._DELETED_AT_ONCE", 2)
    store = PayloadStore(engine, KEYS)
    for day in (5, 6, 7):
        store.add(day, {PayloadKey(str(uuid4()), STRANGER): RECORD for _ in range(3)})
    assert forget_payloads(engine, 7) == 6
    with reading(engine) as connection:
        assert list(connection.execute(sa.select(PAYLOADS.c.day)).scalars()) == [7, 7, 7]
