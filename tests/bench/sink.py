"""Sink: a receiver process that answers and counts, cheap enough not to be the bottleneck.

It listens on every address of this machine so that 127.a.b.c make thousands of origins, and closes
connections that do not come from a loopback address. It gets its orders through standard input,
one JSON list a line, and answers each with one line; when its input ends, so does it.
"""

from __future__ import annotations

import asyncio
import json
import resource
import socket
import ssl
import struct
import sys
import time
from dataclasses import asdict, dataclass
from typing import Any, Final, cast

import httptools
import uvloop

ANSWER: Final = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
HANGS: Final = -1.0
"""Delay without an end: the path never answers."""
DRIPS: Final = -2.0
"""Special delay: the path sends a byte per second."""
DEAF: Final = -3.0
"""Special delay: the path stops reading."""
RESETS: Final = -4.0
"""Special delay: the path resets the connection."""
_ID: Final = b"webhook-id"
_LOOPBACK: Final = "127."
_BACKLOG: Final = 4_096


@dataclass(slots=True)
class Door:
    """A path, with its answers and counts.

    Attributes:
        delay_s: delay of the answer, or one of the special delays.
    """

    delay_s: float = 0.0
    arrived: int = 0
    answered: int = 0


@dataclass(frozen=True, slots=True)
class Reading:
    """Counts of the sink at one point in time.

    Attributes:
        at_ns: time on the monotonic clock, which all processes share.
        arrived: complete requests.
        answered: requests with an answer 200.
        connections: open connections.
        malformed: invalid requests.
        repeated: answers 200 beyond the first for a `webhook-id` and path, if arrivals are
            recorded.
        cpu_s: CPU time of the sink.
    """

    at_ns: int
    arrived: int
    answered: int
    connections: int
    malformed: int
    repeated: int
    cpu_s: float


class Hall:
    """All doors; belongs to the sink's event loop.

    Args:
        record: whether each arrival's `webhook-id`, path and time are kept.
    """

    def __init__(self, *, record: bool) -> None:
        self.record = record
        self.doors: dict[bytes, Door] = {}
        self.seen: list[tuple[bytes, bytes, int]] = []
        self.known: set[bytes] = set()
        self.connections = 0
        self.malformed = 0
        self.repeated = 0

    def door(self, path: bytes) -> Door:
        """Return the door of a path."""
        found = self.doors.get(path)
        if found is None:
            found = self.doors[path] = Door()
        return found

    def reading(self) -> Reading:
        """Return the current counts."""
        return Reading(
            time.monotonic_ns(),
            sum(door.arrived for door in self.doors.values()),
            sum(door.answered for door in self.doors.values()),
            self.connections,
            self.malformed,
            self.repeated,
            time.process_time(),
        )


class Counting(asyncio.Protocol):
    """A connection; httptools calls its `on_…` methods."""

    def __init__(self, hall: Hall) -> None:
        self._hall = hall
        self._parser = httptools.HttpRequestParser(self)
        self._path = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Accept connections from this machine only."""
        self._transport = cast("asyncio.Transport", transport)
        self._hall.connections += 1
        if not str(transport.get_extra_info("peername")[0]).startswith(_LOOPBACK):
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Count it out."""
        del exc
        self._hall.connections -= 1

    def data_received(self, data: bytes) -> None:
        """Parse as far as it goes."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._hall.malformed += 1
            if self._transport is not None:
                self._transport.abort()

    def on_url(self, part: bytes) -> None:
        """Take the path, which may come in parts."""
        self._path += part

    def on_message_complete(self) -> None:
        """Count, and answer as this path does."""
        door = self._hall.door(self._path)
        door.arrived += 1
        self._path = b""
        if not door.delay_s:
            self._answer(door)
        elif door.delay_s > 0:
            asyncio.get_running_loop().call_later(door.delay_s, self._answer, door)
        else:
            self._misbehave(door.delay_s)

    def _misbehave(self, manner: float) -> None:
        if self._transport is None:
            return
        if manner == DRIPS:
            self._drip(0)
        elif manner == DEAF:
            self._transport.pause_reading()
        elif manner == RESETS:
            # Without a time to linger, the kernel sends a reset.
            taken = self._transport.get_extra_info("socket")
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._transport.abort()

    def _drip(self, place: int) -> None:
        transport = self._transport
        if place < len(ANSWER) and transport is not None and not transport.is_closing():
            transport.write(ANSWER[place : place + 1])
            asyncio.get_running_loop().call_later(1, self._drip, place + 1)

    def _answer(self, door: Door) -> None:
        if self._transport is not None and not self._transport.is_closing():
            door.answered += 1
            self._answered()
            self._transport.write(ANSWER)

    def _answered(self) -> None:
        """Record that the latest request was answered."""


class Recording(Counting):
    """A connection whose requests are all recorded."""

    def __init__(self, hall: Hall) -> None:
        super().__init__(hall)
        self._id = b""
        self._delivery = b""

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep the id."""
        if len(name) == len(_ID) and name.lower() == _ID:
            self._id = value

    def on_message_complete(self) -> None:
        """Keep the arrival."""
        self._hall.seen.append((self._id, self._path, time.monotonic_ns()))
        self._delivery = self._id + self._path
        super().on_message_complete()

    def _answered(self) -> None:
        known = self._hall.known
        if self._delivery in known:
            self._hall.repeated += 1
        else:
            known.add(self._delivery)


async def serve(*, record: bool, chain: str | None) -> None:
    """Listen, print the ports, and execute commands until the input ends."""
    loop = asyncio.get_running_loop()
    hall = Hall(record=record)
    make = Recording if record else Counting
    ports = []
    for context in (None, _context(chain)) if chain else (None,):
        server = await loop.create_server(
            lambda: make(hall),
            "0.0.0.0",  # noqa: S104 - strangers are turned away: see the module's docstring
            0,
            backlog=_BACKLOG,
            ssl=context,
        )
        ports.append(server.sockets[0].getsockname()[1])
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    _say(ports)
    while line := await reader.readline():
        _say(_obey(hall, json.loads(line)))


def _obey(hall: Hall, order: list[Any]) -> object:
    match order:
        case ["reading"]:
            return asdict(hall.reading())
        case ["behave", str(path), int() | float() as delay_s]:
            hall.door(path.encode()).delay_s = float(delay_s)
            return None
        case ["paths"]:
            return {path.decode(): door.arrived for path, door in hall.doors.items()}
        case ["arrivals"]:
            return [[mark.decode(), path.decode(), at] for mark, path, at in hall.seen]
    msg = f"no such order: {order}"
    raise ValueError(msg)


def _say(answer: object) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def _context(chain: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    return context


def main() -> None:
    """Serve with as many connections as the system allows."""
    [options] = sys.argv[1:]
    given = json.loads(options)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    uvloop.run(serve(record=given["record"], chain=given["chain"]))


if __name__ == "__main__":
    main()
