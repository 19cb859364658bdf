"""A record of the endpoints topic is believed only as a holder of the secret key wrote it."""

from __future__ import annotations

import logging
import os
from typing import Any, cast
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from endpoint_records import endpoint_value
from plaudit.endpoints.binding import Binding, bind, unbind
from plaudit.endpoints.keys import SecretKeys
from plaudit.endpoints.model import Endpoint, Unreadable
from plaudit.endpoints.opening import EncryptedFields, seal
from plaudit.endpoints.signing import Secret, new_secret
from plaudit.endpoints.table import EndpointTable
from plaudit.records.codec import RecordError
from plaudit.records.endpoint import EndpointRecord, decode_endpoint, encode_endpoint

OLD, NEW = os.urandom(32), os.urandom(32)
KEYS = SecretKeys([OLD])
HOSTILE, VICTIM = str(UUID(int=1)), str(UUID(int=2))
ID, OTHER_ID = str(UUID(int=21)), str(UUID(int=22))
SECRET = Secret(new_secret())

FORGERIES: dict[str, Any] = {
    "workspace_id": VICTIM,
    "version": 1_000_000,
    "event_types": ["testimonial.approved"],
    "spaces": [str(UUID(int=9))],
    "content_filter": '{"field": "sequence", "gt": 0}',
    "format": "flat",
    "rate_limit": 1.0,
    "schedule": "5s",
    "signature_kinds": [],
    "status": "DISABLED",
    "status_reason": "forged",
    "status_since": 1,
    "active_from": 1,
    "created_at": 1,
    "updated_at": 1,
}


def record(keys: SecretKeys = KEYS, endpoint_id: str = ID, **given: Any) -> EndpointRecord:
    sealed = seal(keys, endpoint_id, EncryptedFields("https://hooks.example.com/x", {}, [SECRET]))
    fields = {"workspace_id": HOSTILE, "key_id": sealed.key_id, "sealed": sealed.blob, **given}
    return decode_endpoint(endpoint_value(endpoint_id, **fields))


def forged(genuine: EndpointRecord, keys: SecretKeys = KEYS, **changes: Any) -> bytes:
    """Return a record that someone without the key has changed, with the seal that it had."""
    value = bind(genuine, keys)
    tail = value[len(encode_endpoint(genuine)) :]
    return encode_endpoint(cast("EndpointRecord", {**genuine, **changes})) + tail


def matched(table: EndpointTable, workspace: str) -> list[str]:
    found = table.subscribers(workspace, "testimonial.approved").match(
        str(UUID(int=9)), 2, {"sequence": 1}
    )
    return [each.endpoint_id for each in found if isinstance(each, Endpoint)]


def test_records_of_the_relay_are_read_and_bound() -> None:
    table = EndpointTable(KEYS, require_bound=True)
    table.apply(ID.encode(), bind(record(), KEYS))
    assert matched(table, HOSTILE) == [ID]
    assert (table.unreadable, table.unbound, table.forged) == (0, 0, 0)


def test_every_field_of_a_record_is_covered() -> None:
    assert FORGERIES.keys() == EndpointRecord.__annotations__.keys() - {
        "endpoint_id",
        "key_id",
        "sealed",
    }


@pytest.mark.parametrize("field", FORGERIES)
def test_an_endpoint_record_with_a_changed_field_receives_nothing(field: str) -> None:
    table = EndpointTable(KEYS)
    table.apply(ID.encode(), forged(record(), **{field: FORGERIES[field]}))
    assert isinstance(table.find(ID), Unreadable)
    assert matched(table, VICTIM) == matched(table, HOSTILE) == []
    assert (table.unreadable, table.forged) == (1, 1)


def test_a_forged_record_does_not_replace_a_good_one_and_a_good_one_replaces_it() -> None:
    table = EndpointTable(KEYS)
    table.apply(ID.encode(), bind(record(), KEYS))
    table.apply(ID.encode(), forged(record(version=2), workspace_id=VICTIM, version=1_000_000))
    assert (matched(table, HOSTILE), matched(table, VICTIM)) == ([ID], [])
    begun_anew = EndpointTable(KEYS)
    begun_anew.apply(ID.encode(), forged(record(), version=1_000_000))
    begun_anew.apply(ID.encode(), bind(record(version=2), KEYS))
    assert matched(begun_anew, HOSTILE) == [ID]


def test_a_record_under_the_key_of_another_endpoint_is_ignored() -> None:
    table = EndpointTable(KEYS)
    table.apply(OTHER_ID.encode(), bind(record(endpoint_id=OTHER_ID), KEYS))
    table.apply(OTHER_ID.encode(), bind(record(version=2), KEYS))
    assert matched(table, HOSTILE) == [OTHER_ID]
    assert (table.find(ID), table.forged) == (None, 1)


def test_a_record_without_a_seal_is_read_until_seals_are_demanded() -> None:
    value = encode_endpoint(record())
    lenient = EndpointTable(KEYS)
    lenient.apply(ID.encode(), value)
    assert (matched(lenient, HOSTILE), lenient.unbound) == ([ID], 1)
    lenient.apply(ID.encode(), bind(record(), KEYS))
    assert lenient.unbound == 0
    strict = EndpointTable(KEYS, require_bound=True)
    strict.apply(ID.encode(), value)
    assert (matched(strict, HOSTILE), strict.unreadable) == ([], 1)


def test_a_record_without_its_seal_does_not_replace_a_valid_one() -> None:
    table = EndpointTable(KEYS, require_bound=True)
    table.apply(ID.encode(), bind(record(), KEYS))
    table.complete()
    stripped = encode_endpoint(record(workspace_id=VICTIM, version=9))
    table.apply(ID.encode(), stripped)
    assert (matched(table, HOSTILE), matched(table, VICTIM), table.forged) == ([ID], [], 1)


@given(place=st.integers(0), flipped=st.integers(1, 255), cut=st.integers(0, 40))
@example(place=0, flipped=1, cut=33)
def test_changed_or_cut_bytes_are_never_taken_for_bound(place: int, flipped: int, cut: int) -> None:
    value = bytearray(bind(record(), KEYS))
    value[place % len(value)] ^= flipped
    for each in (bytes(value), bytes(value[: len(value) - cut])):
        try:
            found, binding = unbind(each, KEYS)
        except RecordError:
            continue
        assert binding is not Binding.BOUND, found


def test_superseded_records_of_a_rotation_are_not_reported(
    caplog: pytest.LogCaptureFixture,
) -> None:
    table = EndpointTable(SecretKeys([NEW]))
    table.apply(ID.encode(), bind(record(), KEYS))
    table.apply(ID.encode(), bind(record(SecretKeys([NEW])), SecretKeys([NEW])))
    table.complete()
    assert matched(table, HOSTILE) == [ID]
    assert [each for each in caplog.records if each.levelno >= logging.WARNING] == []
    table.apply(ID.encode(), bind(record(version=2), KEYS))
    [reported] = caplog.records
    assert reported.message == "endpoint.unreadable"


def test_a_wrong_key_is_a_problem_and_one_damaged_record_of_many_is_not() -> None:
    right, wrong = EndpointTable(KEYS), EndpointTable(SecretKeys([NEW]))
    assert right.problem() is None, "an empty table is not a problem"
    for number in range(3):
        endpoint_id = str(UUID(int=100 + number))
        value = bind(record(endpoint_id=endpoint_id), KEYS)
        for table in (right, wrong):
            table.apply(endpoint_id.encode(), value)
    right.apply(ID.encode(), forged(record(), version=2))
    assert right.problem() is None
    assert "3 of 3 endpoints can't be opened; is PLAUDIT_SECRET_KEY" in (wrong.problem() or "")
