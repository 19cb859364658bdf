"""W3C trace context: a valid one is passed on byte for byte, an invalid one is dropped."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaudit.records.trace_context import (
    TraceContext,
    kafka_headers,
    read_trace,
    request_headers,
    trace_context,
)

IDS = b"-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa01a902b7-"
PARENT = b"00" + IDS + b"01"


@pytest.mark.parametrize(
    "parent", [PARENT, b"00" + IDS + b"00", b"01" + IDS + b"03", b"cc" + IDS + b"01-more.to-come"]
)
def test_a_valid_context_is_passed_on_byte_for_byte(parent: bytes) -> None:
    found = trace_context(parent, b"vendor=a b,other=1")
    assert found == TraceContext(parent, b"vendor=a b,other=1")
    assert read_trace(kafka_headers(found)) == found
    lines = b"traceparent: %b\r\ntracestate: vendor=a b,other=1\r\n" % parent
    assert request_headers(found) == lines


@pytest.mark.parametrize(
    "parent",
    [
        b"",
        b"nonsense",
        PARENT.upper(),
        PARENT + b"\n",
        PARENT + b"-00",  # version 00 has four fields
        PARENT + b"\r\nx-injected: 1",
        b"cc" + IDS + b"01-a\r\nx-injected: 1",
        b"ff" + IDS + b"01",
        PARENT.replace(b"4bf92f3577b34da6a3ce929d0e0e4736", b"0" * 32),
        PARENT.replace(b"00f067aa01a902b7", b"0" * 16),
    ],
)
def test_an_invalid_context_is_dropped(parent: bytes) -> None:
    assert trace_context(parent, b"vendor=1") is None


@pytest.mark.parametrize("state", [b"", b" ", b"a=1\r\nx: y", b"a=\xff", b"a" * 513])
def test_an_invalid_state_is_dropped_and_the_parent_stays(state: bytes) -> None:
    assert trace_context(PARENT, state) == TraceContext(PARENT)


@given(st.binary(max_size=80), st.binary(max_size=80))
def test_no_value_ends_a_header_line(parent: bytes, state: bytes) -> None:
    lines = request_headers(trace_context(parent, state)) + request_headers(
        trace_context(PARENT, state)
    )
    assert all(b": " in line for line in lines.split(b"\r\n")[:-1])
    assert not set(lines) - set(b"\r\n\t") - set(range(0x20, 0x7F))
    assert lines.count(b"\n") == lines.count(b"\r") <= 4


def test_the_last_of_several_headers_counts() -> None:
    other = PARENT.replace(b"b7-", b"b8-")
    assert read_trace([("traceparent", PARENT), ("traceparent", other)]) == TraceContext(other)
    assert read_trace([("tracestate", b"a=1")]) is None


def test_ids_and_the_flag_are_read_from_the_parent() -> None:
    found = TraceContext(PARENT)
    assert found.trace_id == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert found.span_id == "00f067aa01a902b7"
    assert found.is_sampled
    assert not TraceContext(b"00" + IDS + b"02").is_sampled
