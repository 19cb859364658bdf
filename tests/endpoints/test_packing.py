"""Packed records: every byte comes back, and what records share is kept once."""

from __future__ import annotations

import os
from typing import Any, Final

from hypothesis import example, given
from hypothesis import strategies as st

from endpoint_records import endpoint_value
from plaudit.endpoints.packing import LONGEST_SHARED, MOST_SHARED, RecordPacker

HEAD_AND_IDS: Final = 10 + 2 * 37
SEALED: Final = 200
NOW_MS: Final = 1_795_000_000_000
ID: Final = "7a3c1f0e-96f3-4c36-b01c-04bd4f50ff28"


def rest(**given: Any) -> bytes:
    times = dict.fromkeys(("active_from", "created_at", "updated_at"), NOW_MS)
    fields = {"key_id": "0123abcd", "sealed": os.urandom(SEALED), **times, **given}
    return endpoint_value(ID, ID, **fields)[HEAD_AND_IDS:]


@given(st.binary(min_size=1, max_size=60))
@example(b"\x02\x10" + b"k" * 8 + b"\x04ab" + b"t" * 18)
@example(b"\x80" * 40)
def test_every_byte_string_comes_back(content: bytes) -> None:
    packer = RecordPacker()
    assert packer.unpack(packer.pack(content)) == content
    assert packer.unpack(packer.pack(content)) == content


def test_records_of_all_kinds_come_back() -> None:
    packer = RecordPacker()
    kinds: list[dict[str, Any]] = [
        {},
        {"version": 1_000_000},
        {"sealed": b""},
        {"sealed": os.urandom(20_000)},
        {"key_id": "another"},
        {"status": "DISABLED", "status_since": NOW_MS, "status_reason": "gone"},
        {"active_from": 0, "created_at": 0, "updated_at": 0},
        {"content_filter": "x" * 2 * LONGEST_SHARED},
    ]
    records = [rest(**each) for each in kinds for _ in range(2)]
    packed = [packer.pack(each) for each in records]
    assert [packer.unpack(each) for each in packed] == records


def test_what_records_share_is_kept_once() -> None:
    packer = RecordPacker()
    types = [f"testimonial.{number}" for number in range(10)]
    packed = [packer.pack(rest(event_types=types)) for _ in range(3)]
    number, version, length, times = 2, 1, 2, 18
    assert {len(each) for each in packed} == {number + version + length + SEALED + times}


def test_configurations_beyond_the_bound_are_kept_with_their_records() -> None:
    packer = RecordPacker()
    records = [rest(rate_limit=float(number)) for number in range(MOST_SHARED + 10)]
    packed = [packer.pack(each) for each in records]
    assert len(packed[-1]) > len(packed[0])
    assert [packer.unpack(each) for each in packed] == records
