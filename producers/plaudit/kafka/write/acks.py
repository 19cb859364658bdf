"""Result of sending a record: its offset, or its error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from confluent_kafka import KafkaError, Message

from plaudit.kafka.errors import KafkaFailure
from plaudit.kafka.write.lazy_future import LazyFuture

Headers = list[tuple[str, bytes]]


class Ack(NamedTuple):
    """The brokers have the record, in as many in-sync replicas as the topic requires.

    It is created for every record, and a named tuple costs a third of a dataclass.
    """

    topic: str
    partition: int
    offset: int
    timestamp_ms: int  # the brokers' clock, on topics with LogAppendTime


@dataclass(frozen=True, slots=True)
class SendFailure:
    """The record is not acknowledged.

    Attributes:
        error: the error; `ProducerFatal` means that this producer can't send anything any more.
        retriable: whether the same record can succeed later (brokers unavailable, permissions
            withdrawn, topic missing). False: the record is refused permanently.
    """

    error: KafkaFailure
    retriable: bool


OnAck = Callable[[Ack | SendFailure], None]
Report = Callable[[KafkaError | None, Message], None]


class PublishCounts:
    """Counts of `Producer.publish`; only the poll thread updates them."""

    __slots__ = ("acknowledged", "failed")

    def __init__(self) -> None:
        self.acknowledged = 0
        self.failed = 0


Failed = Callable[[KafkaError, str], SendFailure]
"""Translates a client's error for a record of this topic."""


class PublishFuture(LazyFuture[Ack]):
    """Future and delivery callback of one record, in one object instead of three.

    Args:
        tally: counters of results.
        failed: translates an error.
    """

    def __init__(self, tally: PublishCounts, failed: Failed) -> None:
        super().__init__()
        self._tally = tally
        self._failed = failed

    def __call__(self, error: KafkaError | None, message: Message) -> None:
        """Handle the client's report."""
        if error is None:
            self._tally.acknowledged += 1
            self.set_result(ack_of(message))
        else:
            self.settle(self._failed(error, message.topic() or ""))

    def settle(self, outcome: Ack | SendFailure) -> None:
        """Set the result of the record."""
        match outcome:
            case SendFailure(error=error):
                self._tally.failed += 1
                self.set_exception(error)
            case _:
                self._tally.acknowledged += 1
                self.set_result(outcome)


def ack_of(message: Message) -> Ack:
    """Return the position of an acknowledged record."""
    return Ack(
        message.topic() or "",
        message.partition() or 0,
        message.offset() or 0,
        message.timestamp()[1],
    )
