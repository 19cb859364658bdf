"""Cache of a lane's latest events, which deliveries to many endpoints share.

The deliveries lane reads a wide event once for each of its endpoints, one after the other. Decoded
and rendered, an event of 1 KB takes some 5 KB; thousands of its deliveries may be in hand. Each has
its own copy of the bytes and, as the client reads them, 2.5 KB of headers, nearly all equal.
"""

from __future__ import annotations

from sys import intern
from typing import Final, NamedTuple

from plaudit.events.decoding import SINGLE_OBJECT, Event
from plaudit.kafka.read.headers import Headers

KEPT: Final = 16
"""Cached events: partitions are read in turn, and each may contain another wide event."""
MOST_BYTES: Final = 64 * 1024
"""Bytes of a cached event: all of them take 5 MB at most."""


class ReadEvent(NamedTuple):
    """Decoded event that its deliveries share.

    Attributes:
        value: the record's value.
        event: the decoded event, which no delivery may change.
        body: the rendered body.
        headers: headers of its first record.
    """

    value: bytes
    event: Event
    body: bytes
    headers: dict[tuple[str, bytes], tuple[str, bytes]]

    def shared(self, headers: Headers) -> Headers:
        """Return headers of another record with what is equal in the first one's place."""
        known = self.headers
        return [known.get(each) or (intern(each[0]), each[1]) for each in headers]


class LatestEvents:
    """The latest decoded and rendered events, by their bytes."""

    __slots__ = ("_latest",)

    def __init__(self) -> None:
        self._latest: dict[bytes, ReadEvent] = {}

    def find(self, value: bytes) -> ReadEvent | None:
        """Return the event with these bytes, if it is cached."""
        return self._latest.get(value)

    def keep(self, value: bytes, event: Event, body: bytes, headers: Headers) -> None:
        """Cache an event, if its decoding depends on its bytes only, and not on headers."""
        if value[:2] != SINGLE_OBJECT or len(value) > MOST_BYTES:
            return
        if len(self._latest) >= KEPT:
            del self._latest[next(iter(self._latest))]
        self._latest[value] = ReadEvent(value, event, body, {each: each for each in headers})
