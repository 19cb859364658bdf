"""Any bytes become an answer or a named error, the same one however they are split."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from plaudit.transport.assembly import AnswerAssembly
from plaudit.transport.errors import AnswerMalformed
from plaudit.transport.sender import Caps

SMALL = Caps(head_bytes=256, read_bytes=64, kept_bytes=16)
"""So small that random answers run into them."""

CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
CORPUS = [
    b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nlink: x\r\n\r\nHTTP/1.1 204 No\r\n\r\n",
    b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nraw",
    b"HTTP/1.1 101 Switching\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
    b"HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n",
    b"HTTP/1.0 200 OK\r\n\r\nto the end",
    b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n" + b"long " * 40,
    CHUNKED + b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nt: v\r\n\r\n",
    CHUNKED + b"1000\r\n" + b"x" * 5_000,
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\nto the end",
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 3\r\n\r\nabc",
    b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 3\r\n\r\nabc",
    b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999999\r\n\r\n",
    b"HTTP/1.1 200 OK\r\ncontent-length: +3\r\n\r\nabc",
    b"HTTP/1.1 200 OK\r\nx: y\r\n folded\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nx : y\r\n\r\n",
    b"HTTP/1.1 200 OK\nx: y\n\nbare line feeds",
    b"HTTP/1.1 200 OK\r\nx: \x00\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nx: " + b"y" * 300 + b"\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 60,
    b"HTTP/2 200 OK\r\n\r\n",
    b"HTTP/1.1 99 Low\r\n\r\n",
    b"HTTP/1.1 20000 High\r\n\r\n",
    b"\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
    b"ICY 200 OK\r\n\r\n",
    b"SSH-2.0-OpenSSH_9.9\r\n",
    b"\x15\x03\x03\x00\x02\x02\x28",
    b"<html>not http</html>",
]
PIECES = [
    b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 ", b"HTTP/1.0 500 No\r\n", b"HTTP/1.1 100 Continue\r\n\r\n",
    b"content-length: 5\r\n", b"content-length: 70\r\n", b"transfer-encoding: chunked\r\n",
    b"connection: close\r\n", b"connection: keep-alive\r\n", b"x: y\r\n", b"\r\n", b"\r", b"\n",
    b"5\r\nhello\r\n", b"0\r\n\r\n", b"hello", b"ffffffffffffffff\r\n", b"x" * 40, b"204", b":",
]  # fmt: skip

answers = st.one_of(
    st.sampled_from(CORPUS),
    st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join),
    st.tuples(st.sampled_from(CORPUS), st.binary(max_size=20)).map(b"".join),
    st.binary(max_size=300),
)
Result = tuple[object, ...] | str


def read(parts: Iterable[bytes]) -> Result:
    """Return what a connection would make of parts, and then the end of the stream."""
    assembly = AnswerAssembly(SMALL)
    try:
        for part in parts:
            if assembly.feed(part):
                break
    except AnswerMalformed as error:
        return str(error)
    if not assembly.ends_with_the_stream():
        return "cut"
    return (assembly.status, assembly.headers, assembly.snippet, assembly.truncated)


def split(data: bytes, places: Sequence[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    parts = [data[a:b] for a, b in pairwise(edges)]
    return [part for part in parts if part]


@settings(deadline=None)
@given(answers, st.lists(st.integers(0, 10_000), max_size=8))
def test_where_the_bytes_are_split_changes_nothing(data: bytes, places: list[int]) -> None:
    assert read(split(data, places)) == read([data])


@pytest.mark.parametrize("data", CORPUS)
def test_the_corpus_reads_byte_by_byte_as_in_one_piece(data: bytes) -> None:
    whole = read([data])
    assert read(data[at : at + 1] for at in range(len(data))) == whole
    for at in range(1, len(data)):
        assert read([data[:at], data[at:]]) == whole


@settings(deadline=None)
@given(answers)
def test_what_is_kept_is_within_the_caps(data: bytes) -> None:
    result = read([data])
    if isinstance(result, tuple):
        status, headers, snippet, truncated = result
        assert isinstance(status, int)
        assert 200 <= status <= 999
        assert isinstance(snippet, bytes)
        assert len(snippet) <= SMALL.kept_bytes
        assert not truncated or len(snippet) == SMALL.kept_bytes
        assert isinstance(headers, list)
        assert sum(len(name) + len(value) for name, value in headers) <= SMALL.head_bytes


@settings(deadline=None)
@given(st.lists(st.sampled_from(CORPUS[:2] + CORPUS[9:10]), min_size=1, max_size=5))
def test_answers_on_one_connection_do_not_touch_each_other(in_turn: list[bytes]) -> None:
    assembly = AnswerAssembly(SMALL)
    for data in in_turn:
        assembly.expect()
        assert assembly.feed(data)
        assert assembly.reusable
        assert (assembly.status, assembly.snippet) == (read([data])[0], read([data])[2])


def test_what_follows_the_body_is_no_header_of_the_answer() -> None:
    assembly = AnswerAssembly(SMALL)
    assert assembly.feed(CHUNKED + b"0\r\nretry-after: 9\r\n\r\n")
    assert assembly.headers == [(b"transfer-encoding", b"chunked")]


@settings(deadline=None)
@example(CORPUS[0], b"H")
@given(st.sampled_from(CORPUS[:2] + CORPUS[9:10]), st.binary(min_size=1, max_size=40))
def test_whatever_follows_an_answer_spoils_the_connection(data: bytes, more: bytes) -> None:
    if not more.strip(b"\r\n"):
        return  # Empty lines between messages are nothing.
    assembly = AnswerAssembly(SMALL)
    assert assembly.feed(data + more)
    assert not assembly.reusable
