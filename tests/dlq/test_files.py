"""A file of dead letters holds them whole."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaudit.dlq.job.export import LineRefused, line_of, read_line
from plaudit.dlq.letters.letter import Kind, Letter

HEADERS = st.lists(st.tuples(st.text(max_size=20), st.binary(max_size=40)), max_size=5)


@given(st.binary(max_size=40), HEADERS, st.binary(max_size=200), st.sampled_from(Kind))
def test_a_line_round_trips(
    key: bytes, headers: list[tuple[str, bytes]], value: bytes, kind: Kind
) -> None:
    line = line_of(Letter(key, 0, 0, 0, headers, value), kind)
    assert "\n" not in line
    kept = read_line(line.encode())
    assert (kept.kind, kept.key, kept.headers, kept.value) == (kind, key, headers, value)


@pytest.mark.parametrize(
    "changed",
    [
        {"plaudit_dead_letter": 2},
        {"kind": "others"},
        {"key": 7},
        {"headers": [["only a name"]]},
        {"value": {"base64": "no base64!"}},
        {"value": None},
    ],
)
def test_a_line_with_a_wrong_field_is_refused(changed: dict[str, object]) -> None:
    line = json.loads(line_of(Letter(b"k", 0, 0, 0, [], b""), Kind.DELIVERIES))
    with pytest.raises(LineRefused):
        read_line(json.dumps({**line, **changed}))


@pytest.mark.parametrize("line", ["", "{", "[]", "{}", "7", "\udcff".encode("utf-8", "ignore")])
def test_a_line_that_is_not_a_dead_letter_is_refused(line: str | bytes) -> None:
    with pytest.raises(LineRefused):
        read_line(line)
