"""A dead letter: what it says of itself, and what an operator sees of it."""

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
    """Which dead letters: deliveries that were given up, or records that are no events."""

    DELIVERIES = "deliveries"
    EVENTS = "events"

    def topic(self, names: Names) -> str:
        """Return the topic that holds them."""
        return names.dlq_deliveries if self is Kind.DELIVERIES else names.dlq_events


class Letter:
    """One dead letter; headers are bytes, read where they are asked for.

    Attributes:
        key: delivery id, or `topic:partition:offset` of a record that is no event.
        partition: where it stands in the dead-letter topic.
        offset: the same.
        dead_at_ms: when it was appended there; epoch milliseconds.
        headers: as they are; none when they can't be read.
        readable: whether they could be read.
        value: the event's bytes.
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
        """The key, for people."""
        return self.key.decode("utf-8", "replace")

    def raw(self, name: str) -> bytes | None:
        """Return a header's bytes."""
        named = self._named
        if named is None:
            named = self._named = dict(self.headers)
        return named.get(name)

    def text(self, name: str) -> str | None:
        """Return a header's text, as far as it is text."""
        value = self.raw(name)
        return None if value is None else value.decode("utf-8", "replace")

    def number(self, name: str) -> int | None:
        """Return a header's number; nothing fails on one that is none."""
        value = self.raw(name) or b""
        return int(value) if value.isdigit() and len(value) <= MOST_DIGITS else None

    @property
    def attempts(self) -> int:
        """HTTP attempts made."""
        return self.number(Header.ATTEMPT) or 0

    @property
    def redrives(self) -> int:
        """How often it was sent again before."""
        return self.number(Header.REDRIVES) or 0

    @property
    def size(self) -> int:
        """Bytes that it takes in a batch, about: a header's name has 20."""
        if self._named is None:
            self._named = dict(self.headers)
        named = sum(map(len, self._named.values())) + 20 * len(self._named)
        return len(self.key) + len(self.value) + named

    def summary(self) -> dict[str, object]:
        """Return what `plaudit dlq list --json` prints."""
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
    """Return the dead letter that a record is; ask once for each message."""
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
    """Return a letter's event as the JSON that a subscriber would get, or why it is none."""
    try:
        return render(EventDecoder(lookup).decode(letter.value)).decode()
    except (Undecodable, SchemaUnknown) as error:
        return f"not readable: {error}"
