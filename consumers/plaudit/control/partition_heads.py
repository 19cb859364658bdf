"""Unreadable records that block their partitions, found without asking the workers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from plaudit.events.decoding import SchemaUnknown, Undecodable
from plaudit.kafka.read.consumer import Partition
from plaudit.kafka.read.lag import First
from plaudit.kafka.schemas.late_decoder import LateDecoder
from plaudit.kafka.settings import KafkaSettings

if TYPE_CHECKING:
    from typing import Self


@dataclass(frozen=True, slots=True)
class Head:
    """An unreadable record at which a lane is blocked.

    Attributes:
        lane: `events` or `deliveries`.
        partition: partition of the record.
        offset: offset of the record.
        overdue_ms: time since it was due.
        reason: why it can't be read.
    """

    lane: str
    partition: Partition
    offset: int
    overdue_ms: int
    reason: str

    @property
    def place(self) -> str:
        """Position of the record, in the form that `plaudit records unblock` takes."""
        return f"{self.partition.topic}/{self.partition.number}@{self.offset}"

    def plain(self) -> dict[str, object]:
        """Return the record as plain data."""
        return {
            "lane": self.lane,
            "topic": self.partition.topic,
            "partition": self.partition.number,
            "offset": self.offset,
            "overdue_ms": self.overdue_ms,
            "reason": self.reason,
        }

    def line(self) -> str:
        """Return a line of text about the record."""
        seconds = self.overdue_ms / 1_000
        advice = f"`plaudit records unblock {self.place}`"
        return f"{self.place} blocks its partition for {seconds:,.0f} s: {self.reason} ({advice})"


class Reading:
    """Checks whether records can be read; connects when it meets an unknown schema.

    Args:
        settings: connection to Kafka and the registry.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self._decoder = LateDecoder(settings)

    def reason_unreadable(self, first: First) -> str | None:
        """Return why a record can't be read; None if it can."""
        try:
            self._decoder.decode(first.value, lambda: first.headers)
        except (SchemaUnknown, Undecodable) as error:
            return str(error)
        return None

    def close(self) -> None:
        """Close the connections, if open."""
        self._decoder.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
