"""Process with receivers that are slow, limit their rate, or are unavailable.

It executes commands from its standard input, a line of JSON each, answers each with a line, and
exits at the end of its input. It stores each request in memory: `webhook-id`, path,
time and status.

    python -m lab.receiver_process {}
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final, cast

import httptools
import uvloop

BACKLOG: Final = 4_096
OK: Final = 200
TOO_MANY: Final = 429


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers of a receiver.

    Attributes:
        delay_s: delay of each answer.
        status: status of each answer.
        per_s: accepted requests in each full second; 0: unlimited.
        refusal: status of other requests, with `Retry-After: 2`.
    """

    delay_s: float = 0.0
    status: int = OK
    per_s: float = 0.0
    refusal: int = TOO_MANY


@dataclass(slots=True)
class Receiver:
    """One path."""

    answers: Answers = field(default_factory=Answers)
    second: int = 0
    taken: int = 0
    counts: Counter[int] = field(default_factory=Counter)

    def judge(self, now_s: float) -> int:
        """Return the status for a request at the current time."""
        if self.answers.per_s and self.answers.status == OK:
            if int(now_s) != self.second:
                self.second, self.taken = int(now_s), 0
            if self.taken >= self.answers.per_s:
                return self.answers.refusal
            self.taken += 1
        return self.answers.status


class Host:
    """All paths and their requests."""

    def __init__(self) -> None:
        self.receivers: dict[str, Receiver] = {}
        self.seen: list[tuple[str, str, int, int]] = []

    def at(self, path: str) -> Receiver:
        """Return the receiver at a path."""
        return self.receivers.setdefault(path, Receiver())

    def obey(self, order: list[Any]) -> object:
        """Execute a command; return the answer."""
        match order:
            case ["behave", str(path), dict(answers)]:
                self.at(path).answers = Answers(**answers)
                return None
            case ["taken"]:
                return sum(each.counts[OK] for each in self.receivers.values())
            case ["seen"]:
                return self.seen
        msg = f"no such order: {order}"
        raise ValueError(msg)


class Connection(asyncio.Protocol):
    """One connection; requests come one after the other."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._path = self._id = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Parse."""
        self._parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        """Take the path, which may come in parts."""
        self._path += url.decode()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep the id."""
        if name.lower() == b"webhook-id":
            self._id = value.decode()

    def on_message_complete(self) -> None:
        """Send the receiver's answer."""
        receiver = self._host.at(self._path)
        status = receiver.judge(time.monotonic())
        self._host.seen.append((self._id, self._path, time.monotonic_ns(), status))
        self._path = ""
        delay_s = receiver.answers.delay_s
        if delay_s:
            asyncio.get_running_loop().call_later(delay_s, self._answer, receiver, status)
        else:
            self._answer(receiver, status)

    def _answer(self, receiver: Receiver, status: int) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        receiver.counts[status] += 1
        answers = receiver.answers
        more = "retry-after: 2\r\n" if answers.per_s and status == answers.refusal else ""
        head = f"HTTP/1.1 {status} Answer\r\ncontent-length: 0\r\n{more}\r\n"
        self._transport.write(head.encode())


async def serve() -> None:
    """Listen, write the port, and obey until the input ends."""
    loop = asyncio.get_running_loop()
    host = Host()
    server = await loop.create_server(lambda: Connection(host), "127.0.0.1", 0, backlog=BACKLOG)
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    print(server.sockets[0].getsockname()[1], flush=True)
    while line := await lines.readline():
        print(json.dumps(host.obey(json.loads(line))), flush=True)


if __name__ == "__main__":
    uvloop.run(serve())
