"""The packed table: records are opened on first use, few stay open, and changes cost little."""

from __future__ import annotations

import logging
import os
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from endpoint_records import endpoint_value
from plaudit.endpoints.arena import CHUNK_BYTES, Arena
from plaudit.endpoints.binding import bind
from plaudit.endpoints.id_index import IdIndex, identity_of, uuid_bytes, uuid_text
from plaudit.endpoints.keys import Sealed, SecretKeys
from plaudit.endpoints.matching import SHARD, TakesLong, TypeSubscribers
from plaudit.endpoints.model import Endpoint, Former, Unreadable
from plaudit.endpoints.opening import EncryptedFields, seal
from plaudit.endpoints.recent import RecentCache
from plaudit.endpoints.signing import Secret, new_secret
from plaudit.endpoints.table import LEARNED_AT_ONCE, EndpointTable
from plaudit.records.endpoint import decode_endpoint

WORKSPACE = str(UUID(int=1))
TYPE = "testimonial.approved"
SECRET = Secret(new_secret())
LATER_MS = 10_000


class CountingKeys(SecretKeys):
    """Keys that count what they open."""

    def __init__(self) -> None:
        super().__init__([os.urandom(32)])
        self.opened = 0

    def open(self, endpoint_id: str, sealed: Sealed) -> bytes:
        self.opened += 1
        return super().open(endpoint_id, sealed)


def endpoint_id(number: int) -> str:
    return str(UUID(int=1_000 + number))


def record(keys: SecretKeys, number: int, version: int = 1, **given: Any) -> bytes:
    sealed = seal(
        keys, endpoint_id(number), EncryptedFields(f"https://h.example.com/{number}", {}, [SECRET])
    )
    fields = {"workspace_id": WORKSPACE, "version": version, "key_id": sealed.key_id}
    value = endpoint_value(endpoint_id(number), **{**fields, "sealed": sealed.blob, **given})
    return bind(decode_endpoint(value), keys)


def filled(keys: SecretKeys, count: int) -> EndpointTable:
    table = EndpointTable(keys)
    for number in range(count):
        table.apply(endpoint_id(number).encode(), record(keys, number), 1)
    return table


def learned(table: EndpointTable) -> TypeSubscribers:
    while True:
        try:
            return table.subscribers(WORKSPACE, TYPE)
        except TakesLong:
            continue


def test_a_record_is_opened_when_its_endpoint_is_used_and_once() -> None:
    keys = CountingKeys()
    table = filled(keys, 3)
    assert len(learned(table).candidates(LATER_MS)) == 3
    assert keys.opened == 0
    for _ in range(2):
        assert len(learned(table).match("s", LATER_MS, {})) == 3
        assert isinstance(table.find(endpoint_id(1)), Endpoint)
    assert keys.opened == 3


def test_a_change_replaces_the_decrypted_endpoint() -> None:
    keys = CountingKeys()
    table = filled(keys, 2)
    learned(table).match("s", LATER_MS, {})
    table.apply(endpoint_id(1).encode(), record(keys, 1, 2, rate_limit=7.0), 2)
    found = learned(table).match("s", LATER_MS, {})
    assert {each.version for each in found if isinstance(each, Endpoint)} == {1, 2}
    changed = table.find(endpoint_id(1))
    assert isinstance(changed, Endpoint)
    assert changed.rate_limit == 7.0


def test_a_sealed_record_that_does_not_open_is_found_out_and_counted_on_use(
    caplog: pytest.LogCaptureFixture,
) -> None:
    keys = CountingKeys()
    table = EndpointTable(keys)
    table.apply(endpoint_id(0).encode(), record(keys, 0, sealed=b"x" * 40), 1)
    table.complete()
    assert (len(table), table.unreadable) == (1, 0)
    [found] = learned(table).match("s", LATER_MS, {})
    assert isinstance(found, Unreadable)
    assert (len(table), table.unreadable) == (1, 1)
    learned(table).match("s", LATER_MS, {})
    assert [each.message for each in caplog.records if each.levelno >= logging.ERROR] == [
        "endpoint.unreadable"
    ]


def test_a_wide_workspace_is_learned_in_parts_and_misses_no_change_meanwhile() -> None:
    keys = CountingKeys()
    count = 3 * LEARNED_AT_ONCE
    table = filled(keys, count)
    with pytest.raises(TakesLong):
        table.subscribers(WORKSPACE, TYPE)
    # The last ones are learned first.
    for number in (0, count - 1):
        table.apply(endpoint_id(number).encode(), record(keys, number, 2), 2)
    for number in (1, count - 2):
        table.apply(endpoint_id(number).encode(), None, 2)
    next_row = count - 1 - LEARNED_AT_ONCE
    table.apply(
        endpoint_id(next_row).encode(),
        record(keys, next_row, 2, workspace_id=WORKSPACE[:-1] + "2"),
        2,
    )
    table.apply(endpoint_id(count).encode(), record(keys, count), 2)
    found = learned(table).candidates(LATER_MS)
    versions = {each.endpoint_id: each.version for each in found}
    gone = {endpoint_id(number) for number in (1, count - 2, next_row)}
    assert len(found) == len(versions) == count + 1 - 3
    assert not gone & versions.keys()
    assert versions[endpoint_id(0)] == versions[endpoint_id(count - 1)] == 2
    formers = learned(table).candidates(0)[len(found) :]
    assert {each.endpoint_id for each in formers} == gone - {endpoint_id(next_row)}


def test_a_change_in_a_wide_workspace_reads_one_shard() -> None:
    keys = CountingKeys()
    table = filled(keys, 3 * SHARD)
    learned(table)
    workspace = table.learned[WORKSPACE]
    before = [each.subscribers(TYPE) for each in workspace.shards]
    table.apply(endpoint_id(5).encode(), record(keys, 5, 2), 2)
    learned(table)
    after = [each.subscribers(TYPE) for each in workspace.shards]
    assert len(before) == len(after) == 3
    assert sum(old is not new for old, new in zip(before, after, strict=True)) == 1


def test_an_endpoint_that_left_while_an_event_was_matched_is_sent_nothing() -> None:
    keys = CountingKeys()
    table = filled(keys, 2)
    subscribers = learned(table)
    gone, moved = subscribers.candidates(LATER_MS)
    table.apply(gone.endpoint_id.encode(), None, 2)
    number = UUID(moved.endpoint_id).int - 1_000
    there = record(keys, number, 2, workspace_id=str(UUID(int=2)))
    table.apply(moved.endpoint_id.encode(), there, 2)
    assert [type(subscribers.opened(each)) for each in (gone, moved)] == [Former, Former]


@pytest.mark.parametrize("odd", ["e1", "ABCDEF00-0000-0000-0000-000000000001", "é" * 18, "1" * 36])
def test_an_id_does_not_have_to_be_a_uuid(odd: str) -> None:
    keys = CountingKeys()
    sealed = seal(keys, odd, EncryptedFields("https://h.example.com/", {}, [SECRET]))
    key = {"key_id": sealed.key_id, "sealed": sealed.blob}
    value = bind(decode_endpoint(endpoint_value(odd, odd, **key)), keys)
    table = EndpointTable(keys)
    table.apply(odd.encode(), value, 1)
    [found] = table.subscribers(odd, TYPE).match("s", LATER_MS, {})
    assert isinstance(found, Endpoint)
    assert (found.endpoint_id, found.workspace_id) == (odd, odd)
    assert table.find(odd) is found


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, CHUNK_BYTES // 2)), max_size=40))
@settings(deadline=None)
def test_an_arena_holds_the_newest_string_of_each_number(
    writes: list[tuple[int, int]],
) -> None:
    arena, newest = Arena(), dict[int, bytes]()
    for number, size in writes:
        content = os.urandom(8) + bytes(size)
        if size % 7 == 0:
            arena.put(number, content)
            arena.drop(number)
            newest.pop(number, None)
        else:
            arena.put(number, content)
            newest[number] = content
        for each in range(6):
            assert arena.get(each) == newest.get(each, b"")
    assert arena.size <= 2 * sum(map(len, newest.values())) + 3 * CHUNK_BYTES


@given(st.lists(st.binary(min_size=16, max_size=16), max_size=2_000))
def test_an_index_numbers_identities_in_their_order(identities: list[bytes]) -> None:
    index = IdIndex()
    numbers: dict[bytes, int] = {}
    for each in identities:
        assert index.find(each) == numbers.get(each, -1)
        assert index.add(each) == numbers.setdefault(each, len(numbers))
    assert [index.identity(number) for number in range(len(index))] == list(numbers)


def test_an_index_of_many_finds_each() -> None:
    index = IdIndex()
    identities = [identity_of(str(number)) for number in range(5_000)]
    assert [index.add(each) for each in identities] == list(range(5_000))
    assert [index.find(each) for each in identities] == list(range(5_000))


@given(st.uuids())
def test_a_uuid_is_its_bytes(known: UUID) -> None:
    assert uuid_bytes(str(known).encode()) == known.bytes
    assert uuid_text(known.bytes) == str(known)


def test_recently_used_entries_stay_in_the_cache() -> None:
    recent: RecentCache[int] = RecentCache(10)
    for number in range(100):
        recent.put(str(number), number)
        assert recent.get("0") == 0
    assert len(recent) <= 20
    assert recent.peek("50") is None
