"""The records that partitions stand at, seen from outside: which can't be read, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from plaudit.events.decoding import EventDecoder, SchemaUnknown, Undecodable
from plaudit.kafka.read.consumer import Partition
from plaudit.kafka.schemas.lookup import AnsweredSchemas, SchemaLookup
from plaudit.kafka.settings import KafkaSettings

if TYPE_CHECKING:
    from typing import Self

READ_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Head:
    """A record that a lane stands at, and that can't be read.

    Attributes:
        lane: `events` or `deliveries`.
        partition: which.
        offset: of the record.
        overdue_ms: how long it has been due.
        reason: why it can't be read.
    """

    lane: str
    partition: Partition
    offset: int
    overdue_ms: int
    reason: str

    @property
    def place(self) -> str:
        """How `plaudit records unblock` calls it."""
        return f"{self.partition.topic}/{self.partition.number}@{self.offset}"

    def plain(self) -> dict[str, object]:
        """Return it as plain data."""
        return {
            "lane": self.lane,
            "topic": self.partition.topic,
            "partition": self.partition.number,
            "offset": self.offset,
            "overdue_ms": self.overdue_ms,
            "reason": self.reason,
        }

    def line(self) -> str:
        """Return it as one line for people."""
        seconds = self.overdue_ms / 1_000
        way_out = f"`plaudit records unblock {self.place}`"
        return f"{self.place} holds its partition for {seconds:,.0f} s: {self.reason} ({way_out})"


class Reading:
    """Tells why values can't be read; connects at the first whose schema is not one of ours.

    Args:
        settings: where Kafka and the registry are.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._ours = EventDecoder()
        self._schemas: SchemaLookup | None = None
        self._decoder: EventDecoder | None = None

    def obstacle(self, value: bytes) -> str | None:
        """Return why a value can't be read; None: it can."""
        try:
            self._ours.decode(value)
        except SchemaUnknown:
            return self._why(value)
        except Undecodable as error:
            return str(error)
        return None

    def close(self) -> None:
        """Close the connections, if there are any."""
        if self._schemas is not None:
            self._schemas.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _why(self, value: bytes) -> str | None:
        try:
            self._opened().decode(value)
        except (SchemaUnknown, Undecodable) as error:
            return str(error)
        return None

    def _opened(self) -> EventDecoder:
        if self._decoder is None:
            self._schemas = SchemaLookup(self._settings)
            self._schemas.start()
            self._schemas.wait_ready(READ_S)
            self._decoder = EventDecoder(AnsweredSchemas(self._schemas))
        return self._decoder
