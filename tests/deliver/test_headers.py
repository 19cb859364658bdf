"""Headers of a record in a deliveries topic: read within bounds, or not at all."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deliver.world import assignment
from plaudit.deliver.model.delivery import MOST_AHEAD_MS, MOST_COUNT, HeadersUnusable, read_headers
from plaudit.deliver.offsets.assignment import MOST_SKEW_MS, Record
from plaudit.records.names import Header

T0 = 1_764_000_000_000
WHO = [(Header.ENDPOINT_ID, b"e"), (Header.WORKSPACE_ID, b"w")]
COUNTS = [Header.ATTEMPT, Header.DIVERSIONS, Header.REDRIVES]
HAPPENED = [Header.ENQUEUED_AT, Header.FIRST_ATTEMPT_AT]
TO_COME = [Header.NOT_BEFORE, Header.TURN_AT]
NUMBERS = [
    *COUNTS,
    *HAPPENED,
    *TO_COME,
    Header.ENDPOINT_VERSION,
    Header.ORIGIN_OFFSET,
    Header.ORIGIN_PARTITION,
    Header.ORIGIN_TIMESTAMP,
]


def read(name: str, value: bytes) -> None:
    """Read a record with one more header."""
    headers = [*WHO, (Header.ORIGIN_TOPIC, b"t"), (Header.ORIGIN_PARTITION, b"0")]
    offset = (Header.ORIGIN_OFFSET, b"0")
    read_headers([*headers, offset, (name, value)], Record(assignment(), 0, T0, b""))


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize(
    "value",
    [b"-100", b"1" + b"0" * 30, b"1" + b"0" * 400, b"9" * 5_000, b"1_0", b" 1", b"1e3", b"\xff"],
)
def test_a_number_that_the_pipeline_never_writes_makes_the_record_unreadable(
    name: str, value: bytes
) -> None:
    with pytest.raises(HeadersUnusable, match=name):
        read(name, value)


@pytest.mark.parametrize(
    ("names", "most"),
    [
        (COUNTS, MOST_COUNT),
        (HAPPENED, T0 + MOST_SKEW_MS),
        (TO_COME, T0 + MOST_SKEW_MS + MOST_AHEAD_MS),
    ],
)
def test_each_number_has_its_bound(names: list[str], most: int) -> None:
    for name in names:
        read(name, b"0")
        read(name, str(most).encode())
        with pytest.raises(HeadersUnusable, match=name):
            read(name, str(most + 1).encode())


@pytest.mark.parametrize("name", [Header.ENDPOINT_ID, Header.WORKSPACE_ID])
@pytest.mark.parametrize("value", [b"", b"x" * 201])
def test_a_record_without_an_endpoint_is_unreadable(name: str, value: bytes) -> None:
    with pytest.raises(HeadersUnusable, match=name):
        read(name, value)


@given(st.sampled_from([*NUMBERS, Header.TRIGGER, Header.ENDPOINT_ID]), st.binary(max_size=40))
def test_whatever_a_header_holds_is_read_or_refused(name: str, value: bytes) -> None:
    with suppress(HeadersUnusable):
        read(name, value)
