"""Heads are written once per endpoint, and can't be made to say something else."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plaudit.transport.addresses import check_url
from plaudit.transport.errors import RequestInvalid
from plaudit.transport.request_head import OURS, header_lines, read_lines, request_prefix

TARGET = check_url("https://hooks.example:8443/a?b=c")


def test_a_prefix_is_the_request_line_the_host_and_the_headers() -> None:
    assert request_prefix(TARGET, [(b"x-tenant", b"7")]) == (
        b"POST /a?b=c HTTP/1.1\r\nhost: hooks.example:8443\r\nx-tenant: 7\r\n"
    )


@pytest.mark.parametrize(
    "header",
    [
        (b"x", b"y\r\nhost: evil"),
        (b"x", b"y\nz"),
        (b"x", b"\x00"),
        (b"x y", b"z"),
        (b"x:", b"z"),
        (b"", b"z"),
        (b"x\r\ny", b"z"),
        *((name.title(), b"z") for name in sorted(OURS)),
    ],
)
def test_a_header_that_could_break_the_head_is_refused(header: tuple[bytes, bytes]) -> None:
    with pytest.raises(RequestInvalid) as refused:
        header_lines([header])
    assert "evil" not in str(refused.value), "a value may be a secret"


def test_a_method_is_a_word() -> None:
    with pytest.raises(RequestInvalid):
        request_prefix(TARGET, (), b"POST / HTTP/1.1\r\nx: y\r\n\r\nPOST")


@settings(deadline=None)
@given(st.lists(st.tuples(st.binary(max_size=8), st.binary(max_size=20)), max_size=4))
def test_a_written_value_round_trips_or_is_refused(headers: list[tuple[bytes, bytes]]) -> None:
    try:
        lines = header_lines(headers)
    except RequestInvalid:
        return
    assert list(read_lines(lines)) == headers
    assert lines.count(b"\r\n") == len(headers)
