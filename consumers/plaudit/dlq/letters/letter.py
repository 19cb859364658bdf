"""Dead letters, and their JSON form for operators."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from plaudit.events.decoding import EventDecoder, SchemaLookup, SchemaUnknown, Undecodable
from plaudit.events.rendering import render
from plaudit.kafka.read.headers import Headers, HeadersUnreadable, headers_of
from plaudit.records.names import Header, Names
from plaudit.records.times import time_text

if TYPE_CHECKING:
    from confluent_kafka import Message

RETENTION_MS: Final = 21 * 24 * 3_600_000
MOST_DIGITS: Final = 18


class Kind(StrEnum):
    """Kind of dead letters: deliveries that were given up, or unreadable records."""

    DELIVERIES = "deliveries"
    EVENTS = "events"

    def topic(self, names: Names) -> str:
        """Return the topic of these letters."""
        return names.dlq_deliveries if self is Kind.DELIVERIES else names.dlq_events


class Letter:
    """One dead letter; its headers are parsed on demand.

    Attributes:
        key: delivery id, or `topic:partition:offset:time` of an unreadable record.
        partition: its partition in the dead-letter topic.
        offset: its offset in the dead-letter topic.
        dead_at_ms: append time in epoch milliseconds.
        headers: its headers; empty if they can't be read.
        readable: whether the headers could be read.
        value: bytes of the event.
    """

    __slots__ = (
        "_named",
        "dead_at_ms",
        "headers",
        "key",
        "offset",
        "partition",
        "readable",
        "value",
    )

    def __init__(
        self,
        key: bytes,
        partition: int,
        offset: int,
        dead_at_ms: int,
        headers: Headers,
        value: bytes,
        *,
        readable: bool = True,
    ) -> None:
        self.key = key
        self.partition = partition
        self.offset = offset
        self.dead_at_ms = dead_at_ms
        self.headers = headers
        self.value = value
        self.readable = readable
        self._named: dict[str, bytes] | None = None

    @property
    def id(self) -> str:
        """The key as text."""
        return self.key.decode("utf-8", "replace")

    def raw(self, name: str) -> bytes | None:
        """Return the bytes of a header."""
        named = self._named
        if named is None:
            named = self._named = dict(self.headers)
        return named.get(name)

    def text(self, name: str) -> str | None:
        """Return the text of a header, with invalid bytes replaced."""
        value = self.raw(name)
        return None if value is None else value.decode("utf-8", "replace")

    def number(self, name: str) -> int | None:
        """Return the number in a header; None if it is not a number."""
        value = self.raw(name) or b""
        return int(value) if value.isdigit() and len(value) <= MOST_DIGITS else None

    @property
    def attempts(self) -> int:
        """Number of HTTP attempts."""
        return self.number(Header.ATTEMPT) or 0

    @property
    def redrives(self) -> int:
        """Number of earlier redrives."""
        return self.number(Header.REDRIVES) or 0

    @property
    def size(self) -> int:
        """Approximate size in a batch, with 20 bytes for a header's name."""
        if self._named is None:
            self._named = dict(self.headers)
        named = sum(map(len, self._named.values())) + 20 * len(self._named)
        return len(self.key) + len(self.value) + named

    def summary(self) -> dict[str, object]:
        """Return the fields that `plaudit dlq list --json` prints."""
        return {
            "delivery_id": self.text(Header.DELIVERY_ID) or self.id,
            "endpoint_id": self.text(Header.ENDPOINT_ID),
            "event_id": self.text("ce_id"),
            "event_type": self.text("ce_type"),
            "workspace_id": self.text(Header.WORKSPACE_ID),
            "reason": self.text(Header.REASON),
            "attempts": self.attempts,
            "redrives": self.redrives,
            "last_status": self.number(Header.LAST_STATUS),
            "last_error": self.text(Header.LAST_ERROR),
            "dead_at": time_text(self.dead_at_ms),
        }


def letter_of(message: Message) -> Letter:
    """Return a record as a dead letter; call it once per message."""
    try:
        headers, readable = headers_of(message), True
    except HeadersUnreadable:
        headers, readable = [], False
    return Letter(
        message.key() or b"",
        message.partition() or 0,
        message.offset() or 0,
        message.timestamp()[1],
        headers,
        message.value() or b"",
        readable=readable,
    )


def decoded(letter: Letter, lookup: SchemaLookup | None = None) -> str:
    """Return a letter's event as JSON, as a subscriber receives it, or why it can't be read."""
    try:
        return render(EventDecoder(lookup).decode(letter.value)).decode()
    except (Undecodable, SchemaUnknown) as error:
        return f"not readable: {error}"
