"""Answers and records of any bytes go the whole way to a settled end, and no code of ours raises.

Mutated at random from what is right; the seed of a run that fails is in its message.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final

import pytest
import structlog

from deliver.whole import ENDPOINTS, EXAMPLE, Whole, event, to
from plaudit.events.encoding import encode
from plaudit.events.examples import example
from plaudit.records.names import Header
from plaudit.transport.answer import NO_TIMINGS, Answer
from plaudit.transport.engine.response_parser import ResponseParser
from plaudit.transport.errors import AnswerMalformed, TransportError
from plaudit.transport.sender import Caps

FEW: Final = 600
MANY: Final = int(os.environ.get("PLAUDIT_TEST_FUZZ", "1000000"))
BATCH: Final = 200
"""Records of one worker; what is wrong with one must not reach the others."""

ANSWERS: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 503 No\r\nRetry-After: Mon, 20 Nov 9999 12:00:00 +0000\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 429 Slow\r\nRetry-After: Wed, 21-Oct-26 07:28:00 GMT\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 503 No\r\nVia: 1.1 a,\r\n 1.1 b\r\nRetry-After: 60\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 400 Bad\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nno_\r\n0\r\n\r\n",
    b"HTTP/1.1 302 Found\r\nLocation: http://[::1]/\r\nContent-Length: 3\r\n\r\nxyz",
    b"HTTP/1.1 413 Large\r\nX-\xff\xfe: \xff\x80\r\nContent-Length: 1\r\n\r\n\xff",
)
PIECES: Final = (
    *(
        b"9999999999",
        b"-1",
        b"\x00",
        b"\xff\xfe",
        b"\r\n",
        b"\r\n\r\n",
        b":",
        b" ",
        b"\t",
        b"http://[",
    ),
    *(
        b"Retry-After: ",
        b"+9999",
        b"Jan",
        b"2" * 400,
        b"1e400",
        b"\xed\xa0\x80",
        b"[",
        b"%s",
        b"{}",
    ),
)
NUMBERS: Final = (
    *(Header.ATTEMPT, Header.DIVERSIONS, Header.REDRIVES, Header.ENQUEUED_AT, Header.NOT_BEFORE),
    *(Header.FIRST_ATTEMPT_AT, Header.TURN_AT, Header.ENDPOINT_VERSION, Header.ORIGIN_OFFSET),
    *(Header.ORIGIN_PARTITION, Header.ORIGIN_TIMESTAMP),
)
ODD_NUMBERS: Final = (b"-100", b"1" + b"0" * 30, b"1" + b"0" * 400, b"0", b"1", b"7", b"", b"\xff")
OTHERS: Final = (
    *(Header.ENDPOINT_ID, Header.WORKSPACE_ID, Header.TRIGGER, Header.ORIGIN_TOPIC),
    *(Header.REASON, Header.LAST_ERROR, "ce_source", "x", "", "\u00e9"),
)
VALUES: Final = (
    EXAMPLE,
    *(encode(example(name)) for name in ("form.completed", "customer.erased")),
)


@pytest.fixture(autouse=True)
def _no_log() -> Iterator[None]:
    with structlog.testing.capture_logs():
        yield


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Return bytes with a few changes."""
    body = bytearray(data)
    for _ in range(chance.choice((0, 1, 1, 2, 5))):
        at, way = chance.randrange(len(body) + 1), chance.randrange(5)
        if way == 0:
            body[at:at] = chance.choice(PIECES)
        elif way == 1:
            del body[at : at + chance.choice((1, 2, 40))]
        elif way == 2:
            body[at:] = body[at:][: chance.randrange(8)]
        elif at < len(body):
            body[at] = chance.randrange(256) if way == 3 else body[at] ^ (1 << chance.randrange(8))
    return bytes(body)


def outcome_of(data: bytes) -> Answer | TransportError:
    """Return what the transport makes of bytes after which the connection ends."""
    assembly = ResponseParser(Caps())
    try:
        complete = assembly.feed(data) or assembly.ends_with_the_stream()
    except TransportError as error:
        return error
    if not complete:
        detail = "cut"
        return AnswerMalformed(detail)
    headers = tuple(assembly.headers)
    kept = assembly.snippet
    return Answer(
        assembly.status,
        headers,
        kept,
        truncated=assembly.truncated,
        timings=NO_TIMINGS,
        bytes_sent=1,
    )


def headers_of(chance: random.Random) -> list[tuple[str, bytes]]:
    """Return headers of a record in a deliveries topic, some of them odd."""
    endpoint_id = chance.choice((*ENDPOINTS, "nobody", "\u00e9" * 30))
    found = to(endpoint_id)
    for _ in range(chance.randrange(4)):
        found.append((chance.choice(NUMBERS), chance.choice(ODD_NUMBERS)))
        found.append((chance.choice(OTHERS), mutated(b"value", chance)))
    if chance.random() < 0.1:
        del found[chance.randrange(len(found))]
    return found


async def answered(seed: int, count: int) -> Whole:
    """Let requests be answered by mutated bytes."""
    chance = random.Random(seed)  # noqa: S311 - a test's
    whole = Whole()
    outcomes = deque(outcome_of(mutated(chance.choice(ANSWERS), chance)) for _ in range(count))
    whole.sender.answers = lambda _: outcomes.popleft() if outcomes else outcome_of(ANSWERS[0])
    ids = list(ENDPOINTS)
    for number in range(count):
        given = to(ids[number % len(ids)], attempt=number % 4)
        whole.deliveries.hand_over(event(number), given)
    await whole.run_to_the_end()
    return whole


async def read(seed: int, count: int) -> Whole:
    """Let both lanes read mutated records."""
    chance = random.Random(seed)  # noqa: S311 - a test's
    whole = Whole()
    for _ in range(count):
        value = mutated(chance.choice(VALUES), chance)
        side, headers = chance.choice(((whole.events, []), (whole.deliveries, headers_of(chance))))
        side.hand_over(value, headers)
    await whole.run_to_the_end()
    return whole


def check(wholes: Sequence[Whole]) -> None:
    """Check that all is settled, and that nothing of ours has raised."""
    for whole in wholes:
        whole.check_all_is_settled()
        assert not any(whole.settler.defects.counts.values()), whole.settler.defects.counts


def seeds(count: int) -> Iterator[int]:
    """Return a seed for each batch."""
    first = int.from_bytes(os.urandom(4))
    return iter(range(first, first + count // BATCH))


@pytest.mark.parametrize("way", [answered, read])
def test_whatever_bytes_come_each_delivery_is_settled_without_a_defect(way: object) -> None:
    fuzz(way, FEW)


@pytest.mark.nightly
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("way", [answered, read])
def test_a_million_of_each_are_settled_without_a_defect(way: object) -> None:
    fuzz(way, MANY)


def fuzz(way: object, count: int) -> None:
    """Run batches, each with a worker of its own."""
    assert way in (answered, read)
    go = answered if way is answered else read
    for seed in seeds(count):
        try:
            check([asyncio.run(go(seed, BATCH))])
        except BaseException as error:
            error.add_note(f"{go.__name__}({seed}, {BATCH})")
            raise
