"""What became of a record: its place with the brokers, or why it has none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from confluent_kafka import KafkaError, Message

from plaudit.kafka.errors import KafkaFailure
from plaudit.kafka.write.lazy_future import LazyFuture

Headers = list[tuple[str, bytes]]


class Ack(NamedTuple):
    """The brokers have the record: in as many in-sync replicas as the topic demands.

    A named tuple and no dataclass: it is made for every record, and costs a third.
    """

    topic: str
    partition: int
    offset: int
    timestamp_ms: int  # the brokers' clock, on topics with LogAppendTime


@dataclass(frozen=True, slots=True)
class SendFailure:
    """The record is not acknowledged.

    Attributes:
        error: why; `ProducerFatal` means that this producer can send nothing any more.
        retriable: whether the same record can be taken later (brokers away, rights withdrawn, topic
            not there yet). False: refused for good, so sending it again can't succeed.
    """

    error: KafkaFailure
    retriable: bool


OnAck = Callable[[Ack | SendFailure], None]
Report = Callable[[KafkaError | None, Message], None]


class PublishCounts:
    """What became of the records of `Producer.publish`; counted in the poll thread alone."""

    __slots__ = ("acknowledged", "failed")

    def __init__(self) -> None:
        self.acknowledged = 0
        self.failed = 0


Failed = Callable[[KafkaError, str], SendFailure]
"""Says what an error of the client means for a record of that topic."""


class PublishFuture(LazyFuture[Ack]):
    """The future of one record, and what librdkafka calls when it knows: one object, not three.

    Args:
        tally: counts what becomes of it.
        failed: says what an error means.
    """

    def __init__(self, tally: PublishCounts, failed: Failed) -> None:
        super().__init__()
        self._tally = tally
        self._failed = failed

    def __call__(self, error: KafkaError | None, message: Message) -> None:
        """Take the client's report."""
        if error is None:
            self._tally.acknowledged += 1
            self.set_result(ack_of(message))
        else:
            self.settle(self._failed(error, message.topic() or ""))

    def settle(self, outcome: Ack | SendFailure) -> None:
        """Take what became of the record."""
        match outcome:
            case SendFailure(error=error):
                self._tally.failed += 1
                self.set_exception(error)
            case _:
                self._tally.acknowledged += 1
                self.set_result(outcome)


def ack_of(message: Message) -> Ack:
    """Return where an acknowledged record stands."""
    return Ack(
        message.topic() or "",
        message.partition() or 0,
        message.offset() or 0,
        message.timestamp()[1],
    )
