"""Any bytes become an answer or a named error, the same one however they are split."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from plaudit.transport.engine.response_parser import ResponseParser
from plaudit.transport.errors import AnswerMalformed
from plaudit.transport.sender import Caps

SMALL = Caps(head_bytes=256, read_bytes=64, kept_bytes=16)
"""So small that random answers run into them."""

OK = b"HTTP/1.1 200 OK\r\n"
TWO = b"content-length: 2\r\n\r\nok"
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
READ = {
    "a folded header": OK + b"x-device: a=1;\r\n b=2\r\n" + TWO,
    "a header folded twice, with a tab": OK + b"x: a\r\n\tb\r\n \r\n  c\r\n" + TWO,
    "a value on the next line": OK + b"x:\r\n a\r\n" + TWO,
    "a folded header after an interim answer": b"HTTP/1.1 103 Hints\r\nlink: a,\r\n b\r\n\r\n"
    + OK + b"x: a,\r\n b\r\n" + TWO,
    "line feeds alone": b"HTTP/1.1 200 OK\nx: y\ncontent-length: 2\n\nok",
    "both kinds of lines": OK + b"x: y\ncontent-length: 2\r\n\nok",
    "line feeds alone, folded": b"HTTP/1.1 200 OK\nx: y\n z\ncontent-length: 2\n\nok",
    "a space before the colon": OK + b"x : y\r\n" + TWO,
    "a name that is no token": OK + b"x[1]: y\r\nx y: z\r\n: q\r\nx\xe4: r\r\n" + TWO,
    "control characters": OK + b"x: a\x01b\x7f\x1b[2J\r\n" + TWO,
    "the same length twice": OK + b"content-length: 2\r\n" + TWO,
    "the same length as a list": OK + b"content-length: 2, 2\r\n\r\nok",
    "an offer to upgrade": OK + b"upgrade: h2,h2c\r\nconnection: Upgrade\r\n" + TWO,
    "spaces after a chunk's size": CHUNKED + b"2  \r\nok\r\n0  \r\n\r\n",
    "a second answer behind it": OK + TWO + OK + TWO,
    "a 101 behind it": OK + TWO + b"HTTP/1.1 101 S\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nraw",
    "a 101 without a word behind it": OK + TWO + b"HTTP/1.1 101 S\r\n\r\n",
    "garbage behind it": OK + TWO + b"\0\r\n\r\n",
}  # fmt: skip
"""What clients read; each says 200 and `ok`."""
REFUSED = {
    "a length and chunks": CHUNKED.replace(b"\r\n\r\n", b"\r\n" + TWO),
    "a length and chunks, in a head that is odd": b"HTTP/1.1 200 OK\r\nx: a\r\n b\r\n"
    b"transfer-encoding: chunked\r\ncontent-length: 2\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "different lengths": OK + b"content-length: 3\r\n" + TWO,
    "different lengths in a list": OK + b"content-length: 2, 3\r\n\r\nok",
    "a length with a sign": OK + b"content-length: +2\r\n\r\nok",
    "no length": OK + b"content-length:\r\n\r\nok",
    "a folded length": OK + b"content-length: 2\r\n 0\r\n\r\nok",
    "a length on the next line": OK + b"content-length:\r\n 2\r\n\r\nok",
    "a length with a space before the colon": OK + b"content-length : 2\r\n\r\nok",
    "a length whose name has a byte too many": OK + b"content-length\xa0: 2\r\n\r\nok",
    "folded chunks": OK + b"transfer-encoding:\r\n chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "chunks with a control character": OK + b"transfer-encoding: chunked\x0b\r\n\r\n0\r\n\r\n",
    "a carriage return in a value": OK + b"x: a\rcontent-length: 9\r\n" + TWO,
    "two carriage returns": OK + b"x: a\r\r\n" + TWO,
    "NUL before anything else": b"S\0\r\n",
    "NUL": OK + b"x: a\0b\r\n" + TWO,
    "a line without a colon": OK + b"x\r\n" + TWO,
    "a first header that is folded": OK + b" x: y\r\n" + TWO,
    "a status of two digits": b"HTTP/1.1 099 Low\r\n" + TWO,
    "a status of two digits, then a 101": b"HTTP/1.1 099 Low\r\n\r\nHTTP/1.1 101 S\r\n\r\n",
    "an interim answer with a length and chunks": b"HTTP/1.1 100 Go\r\n"
    b"transfer-encoding: chunked\r\ncontent-length: 3\r\n\r\nabc ",
    "a 101": b"HTTP/1.1 101 S\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nraw",
    "a 101 in a head that is odd": b"HTTP/1.1 101 S\r\nx: a\r\n b\r\n\r\nraw",
    "a chunk's size in another notation": CHUNKED + b"0x2\r\nok\r\n0\r\n\r\n",
    "a chunk that is longer than its size": CHUNKED + b"2\r\nokay\r\n0\r\n\r\n",
}
CORPUS += [*READ.values(), *REFUSED.values()]
PIECES = [
    b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 ", b"HTTP/1.0 500 No\r\n", b"HTTP/1.1 100 Continue\r\n\r\n",
    b"content-length: 5\r\n", b"content-length: 70\r\n", b"transfer-encoding: chunked\r\n",
    b"connection: close\r\n", b"connection: keep-alive\r\n", b"x: y\r\n", b"\r\n", b"\r", b"\n",
    b" folded\r\n", b"x : y\r\n", b"content-length: 5, 5\r\n", b"HTTP/1.1 101 S\r\n\r\n",
    b"5\r\nhello\r\n", b"0\r\n\r\n", b"hello", b"ffffffffffffffff\r\n", b"x" * 40, b"204", b":",
]  # fmt: skip

answers = st.one_of(
    st.sampled_from(CORPUS),
    st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join),
    st.tuples(st.sampled_from(CORPUS), st.binary(max_size=20)).map(b"".join),
    st.binary(max_size=300),
)
Result = tuple[object, ...] | str


def read(parts: Iterable[bytes], caps: Caps = SMALL) -> Result:
    """Return what a connection would make of parts, and then the end of the stream."""
    parser = ResponseParser(caps)
    try:
        for part in parts:
            if parser.feed(part):
                break
    except AnswerMalformed as error:
        return str(error)
    if not parser.ends_with_the_stream():
        return "cut"
    return (parser.status, parser.headers, parser.snippet, parser.truncated)


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


@pytest.mark.parametrize("data", READ.values(), ids=READ)
def test_answers_that_other_clients_read_are_read(data: bytes) -> None:
    result = read([data])
    assert isinstance(result, tuple), result
    assert (result[0], result[2]) == (200, b"ok")


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED)
def test_an_answer_with_two_possible_ends_is_refused(data: bytes) -> None:
    result = read([data])
    assert isinstance(result, str), result
    assert result.startswith("the answer is not valid HTTP/1.1: "), result


def test_an_irregular_head_gives_regular_headers_and_no_second_exchange() -> None:
    parser = ResponseParser(SMALL)
    for data, reusable in ((OK + TWO, True), (READ["a folded header"], False)):
        parser.expect()
        assert parser.feed(data)
        assert parser.reusable is reusable
    assert parser.headers == [(b"x-device", b"a=1; b=2"), (b"content-length", b"2")]
    [header, _] = headers_of(READ["control characters"])
    assert header == (b"x", b"a b  [2J")


def headers_of(data: bytes) -> list[tuple[bytes, bytes]]:
    parser = ResponseParser(SMALL)
    assert parser.feed(data)
    return parser.headers


@settings(deadline=None)
@given(answers)
def test_the_cache_stays_within_its_limits(data: bytes) -> None:
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


@pytest.mark.parametrize("places", [[], [100, 2_000, 5_999], list(range(0, 9_000, 7))])
def test_an_answer_in_tiny_chunks_counts_as_read_after_a_thousand(places: list[int]) -> None:
    parser = ResponseParser(Caps())
    data = CHUNKED + b"1\r\nx\r\n" * 30_000
    assert any(parser.feed(part) for part in split(data, places))
    assert (parser.size, parser.reusable, parser.truncated) == (1_000, False, True)
    whole = ResponseParser(Caps())
    assert whole.feed(CHUNKED + b"1\r\nx\r\n" * 999 + b"0\r\n\r\n")
    assert (whole.size, whole.reusable, whole.truncated) == (999, True, False)


@pytest.mark.parametrize("places", [[], [100, 1_000], list(range(0, 3_000, 7))])
def test_the_header_fields_of_an_answer_are_limited(places: list[int]) -> None:
    assert ResponseParser(Caps()).feed(OK + b"a:b\r\n" * 499 + TWO)
    result = read(split(OK + b"a:b\r\n" * 500 + TWO, places), Caps())
    assert "more than 500 header fields" in str(result)


@settings(deadline=None)
@given(st.lists(st.sampled_from(CORPUS[:2] + CORPUS[9:10]), min_size=1, max_size=5))
def test_answers_on_one_connection_do_not_touch_each_other(in_turn: list[bytes]) -> None:
    parser = ResponseParser(SMALL)
    for data in in_turn:
        parser.expect()
        assert parser.feed(data)
        assert parser.reusable
        assert (parser.status, parser.snippet) == (read([data])[0], read([data])[2])


def test_fields_after_the_body_are_not_headers_of_the_answer() -> None:
    parser = ResponseParser(SMALL)
    assert parser.feed(CHUNKED + b"0\r\nretry-after: 9\r\n\r\n")
    assert parser.headers == [(b"transfer-encoding", b"chunked")]


@settings(deadline=None)
@example(CORPUS[0], b"H")
@given(st.sampled_from(CORPUS[:2] + CORPUS[9:10]), st.binary(min_size=1, max_size=40))
def test_whatever_follows_an_answer_spoils_the_connection(data: bytes, more: bytes) -> None:
    if not more.strip(b"\r\n"):
        return  # Empty lines between messages are nothing.
    parser = ResponseParser(SMALL)
    assert parser.feed(data + more)
    assert not parser.reusable


def test_bytes_behind_an_answer_that_ends_at_the_cap_spoil_the_connection() -> None:
    head, end = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-padding: ", b"\r\n\r\nok"
    answer = head.ljust(SMALL.head_bytes - len(end), b"x") + end
    for more in (b"", b"HTTP/1.1 200 OK\r\n"):
        parser = ResponseParser(SMALL)
        assert parser.feed(answer + more)
        assert parser.reusable is not bool(more)
