"""Dead letters: reading their topics up to the ends that they have now, and filtering."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final, cast

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Message, TopicPartition

from plaudit.events.decoding import EventDecoder, SchemaLookup, SchemaUnknown, Undecodable
from plaudit.events.rendering import render
from plaudit.kafka.bounds import log_bounds
from plaudit.kafka.clients import open_client
from plaudit.kafka.consumer import MEMORY_CAPS
from plaudit.kafka.errors import KafkaUnavailable, translate
from plaudit.kafka.settings import KafkaSettings
from plaudit.records.names import Header

if TYPE_CHECKING:
    from typing import Self

RETENTION_MS: Final = 21 * 24 * 3_600_000
SOON_MS: Final = 3 * 24 * 3_600_000
_TIMEOUT_S: Final = 10.0
_READ_S: Final = 0.2
_BATCH: Final = 500


class Kind(StrEnum):
    """Which dead letters: deliveries that were given up, or records that are no events."""

    DELIVERIES = "deliveries"
    EVENTS = "events"


@dataclass(frozen=True, slots=True)
class Letter:
    """One dead letter.

    Attributes:
        key: delivery id, or `topic:partition:offset` of a record that is no event.
        partition: where it stands in the dead-letter topic.
        offset: the same.
        dead_at_ms: when it was appended there; epoch milliseconds.
        headers: as they are; text as far as it is text.
        value: the event's bytes.
    """

    key: str
    partition: int
    offset: int
    dead_at_ms: int
    headers: Mapping[str, str]
    value: bytes = field(repr=False)

    @property
    def attempts(self) -> int:
        """HTTP attempts made."""
        return self._number(Header.ATTEMPT) or 0

    def summary(self) -> dict[str, object]:
        """Return what `plaudit dlq list --json` prints."""
        return {
            "delivery_id": self.headers.get(Header.DELIVERY_ID, self.key),
            "endpoint_id": self.headers.get(Header.ENDPOINT_ID),
            "event_id": self.headers.get("ce_id"),
            "event_type": self.headers.get("ce_type"),
            "workspace_id": self.headers.get(Header.WORKSPACE_ID),
            "reason": self.headers.get(Header.REASON),
            "attempts": self.attempts,
            "last_status": self._number(Header.LAST_STATUS),
            "last_error": self.headers.get(Header.LAST_ERROR),
            "dead_at": time_text(self.dead_at_ms),
        }

    def _number(self, name: str) -> int | None:
        """Return a header's number; a listing does not fail on one that is none."""
        text = self.headers.get(name, "")
        return int(text) if text.isascii() and text.isdecimal() else None


@dataclass(frozen=True, slots=True)
class Filter:
    """Which letters are wanted; what is None does not matter.

    Attributes:
        since_ms: dead at or after this; epoch milliseconds.
        until_ms: dead before this.
    """

    endpoint: str | None = None
    workspace: str | None = None
    event_type: str | None = None
    reason: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None

    def takes(self, letter: Letter) -> bool:
        """Return whether a letter is wanted."""
        wanted: tuple[tuple[str | None, str], ...] = (
            (self.endpoint, Header.ENDPOINT_ID),
            (self.workspace, Header.WORKSPACE_ID),
            (self.event_type, "ce_type"),
            (self.reason, Header.REASON),
        )
        if any(value is not None and letter.headers.get(name) != value for value, name in wanted):
            return False
        if self.since_ms is not None and letter.dead_at_ms < self.since_ms:
            return False
        return self.until_ms is None or letter.dead_at_ms < self.until_ms


class Letters:
    """Reads a dead-letter topic; joins no group and changes nothing.

    Args:
        settings: where Kafka is.
        kind: which topic.

    Raises:
        SettingsError: a librdkafka property is refused.
    """

    def __init__(self, settings: KafkaSettings, kind: Kind) -> None:
        names = settings.names
        self.topic = names.dlq_deliveries if kind == Kind.DELIVERIES else names.dlq_events
        enforced: dict[str, object] = {
            "group.id": f"{names.prefix}dlq.reader",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            # A broker holds a fetch of which nothing comes back so long: the end waits for it.
            "fetch.wait.max.ms": 20,
            # Retention may take the start away while it is read; what is behind it counts.
            "auto.offset.reset": "earliest",
            "allow.auto.create.topics": False,
        }
        self._client = open_client(
            settings, Consumer, settings.client_config(MEMORY_CAPS, **enforced)
        )

    def read(self) -> Iterator[Letter]:
        """Yield every letter that no tombstone has taken away, in the order of the log.

        Two passes, because a tombstone comes after its letter: the first keeps an offset for each
        key, not the letters.

        Raises:
            KafkaFailure: the brokers are away or refuse.
        """
        ends = self._ends()
        alive: dict[tuple[int, bytes], int] = {}
        for message in self._scan(ends):
            place = message.partition() or 0, message.key() or b""
            if message.value() is None:
                alive.pop(place, None)
            else:
                alive[place] = message.offset() or 0
        filled = {number for number, _ in alive}
        for message in self._scan({number: ends[number] for number in filled}):
            place = message.partition() or 0, message.key() or b""
            if alive.get(place) == message.offset():
                yield _letter(message)

    def find(self, key: str) -> Letter | None:
        """Return the letter of that key, if it is there."""
        return next((letter for letter in self.read() if letter.key == key), None)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ends(self) -> dict[int, int]:
        """Return where each partition ends now; empty ones are left out.

        Raises:
            KafkaFailure: the brokers are away or refuse.
        """
        doing = f"read topic {self.topic}"
        try:
            seen = self._client.list_topics(self.topic, timeout=_TIMEOUT_S).topics[self.topic]
        except KafkaException as error:
            raise translate(error, doing) from None
        if seen.error is not None:
            raise translate(seen.error, doing)
        bounds = {
            number: log_bounds(self._client, TopicPartition(self.topic, number), _TIMEOUT_S)
            for number in sorted(seen.partitions)
        }
        return {number: high for number, (low, high) in bounds.items() if high > low}

    def _scan(self, ends: Mapping[int, int]) -> Iterator[Message]:
        """Yield what stands before the ends.

        A partition is also done when its end is reported: compaction and transactions leave gaps,
        and the record before the end may be gone.

        Raises:
            KafkaFailure: the brokers are away or refuse.
        """
        left = dict(ends)
        self._client.assign(
            [TopicPartition(self.topic, number, OFFSET_BEGINNING) for number in left]
        )
        silent_since = time.monotonic()
        while left:
            batch = self._read()
            if not batch and time.monotonic() > silent_since + _TIMEOUT_S:
                doing = f"read topic {self.topic}"
                raise KafkaUnavailable(doing, f"nothing in {_TIMEOUT_S:g} s")
            for message in batch:
                number, offset = message.partition() or 0, message.offset() or 0
                end = left.get(number, 0)
                if _is_end(message, self.topic):
                    left.pop(number, None)
                elif offset < end:
                    yield message
                if offset + 1 >= end:
                    left.pop(number, None)
            if batch:  # after the yields: whoever prints them may take their time
                silent_since = time.monotonic()

    def _read(self) -> list[Message]:
        """Wait for the first message only; `consume(n, timeout)` would wait for all n."""
        first = self._client.poll(_READ_S)
        return [] if first is None else [first, *self._client.consume(_BATCH, 0)]


def _is_end(message: Message, topic: str) -> bool:
    """Return whether this is no record but the end of its partition.

    Raises:
        KafkaFailure: it is an error.
    """
    error = message.error()
    if error is None:
        return False
    if error.name() == "_PARTITION_EOF":
        return True
    raise translate(error, f"read topic {topic}")


@dataclass(frozen=True, slots=True)
class Census:
    """How many letters there are.

    Attributes:
        alive: those that no tombstone has taken away.
        expiring: of these, those that retention removes within 3 days.
    """

    alive: int
    expiring: int


def count(settings: KafkaSettings, kind: Kind, now_ms: int) -> Census:
    """Count the letters of one kind.

    Raises:
        KafkaFailure: the brokers are away or refuse.
    """
    alive = expiring = 0
    with Letters(settings, kind) as letters:
        for letter in letters.read():
            alive += 1
            expiring += letter.dead_at_ms + RETENTION_MS - now_ms < SOON_MS
    return Census(alive, expiring)


def decoded(letter: Letter, lookup: SchemaLookup | None = None) -> str:
    """Return a letter's event as the JSON that a subscriber would get, or why it is none."""
    try:
        return render(EventDecoder(lookup).decode(letter.value)).decode()
    except (Undecodable, SchemaUnknown) as error:
        return f"not readable: {error}"


def time_text(epoch_ms: int) -> str:
    """Return a moment as RFC 3339."""
    moment = datetime.fromtimestamp(epoch_ms / 1_000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _letter(message: Message) -> Letter:
    # The client's stub allows what is taken when producing, too.
    headers = cast("Sequence[tuple[str, object]] | None", message.headers()) or ()
    return Letter(
        (message.key() or b"").decode("utf-8", "replace"),
        message.partition() or 0,
        message.offset() or 0,
        message.timestamp()[1],
        {
            name: value.decode("utf-8", "replace") if isinstance(value, bytes) else ""
            for name, value in headers
        },
        message.value() or b"",
    )
