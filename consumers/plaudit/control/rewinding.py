"""Rewind of the lanes' positions to an earlier time.

A mirror may copy a position, but not a record that was written before it, such as a retry. After a
failover, the event then counts as done, and its retry is missing. Reading the events again repeats
some deliveries, which receivers recognize by `webhook-id`.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from confluent_kafka import KafkaException, TopicPartition

from plaudit.kafka.errors import translate
from plaudit.kafka.read.lag import GroupPosition, LagReader
from plaudit.kafka.read.range import BoundedReader
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.types import Partition
from plaudit.records.delays import NOW

if TYPE_CHECKING:
    from typing import Self

MEMBERS: Final = frozenset({"UNKNOWN_MEMBER_ID", "ILLEGAL_GENERATION", "STALE_MEMBER_EPOCH"})
"""Errors of a commit from outside, while a group has members."""


class GroupHasMembers(ValueError):
    """Positions can't be changed while workers run; the message contains the remedy."""


class LaneRewind:
    """Context manager that moves the positions of one lane's group back.

    Args:
        settings: connection to Kafka.
        group: group of the lane.
        delays: delay of each topic of the lane, in milliseconds.
    """

    def __init__(self, settings: KafkaSettings, group: str, delays: Mapping[str, int]) -> None:
        self.group = group
        self._delays = delays
        self._stack = ExitStack()
        self._reader = self._stack.enter_context(BoundedReader(settings, group))
        self._lag = LagReader(settings, group)
        self._stack.callback(self._lag.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def find(self, since_ms: int) -> dict[Partition, tuple[int, int]]:
        """Return the new and the current position of each partition to move back.

        A worker reads a retry when its delay is over, so that time counts.

        Raises:
            KafkaFailure: the brokers are unavailable or refuse.
        """
        moves: dict[Partition, tuple[int, int]] = {}
        for topic, delay_ms in self._delays.items():
            partitions = self._reader.partitions(topic)
            starts = self._reader.at_time(partitions, max(0, since_ms - delay_ms))
            moves |= moves_back(self._lag.positions(partitions), starts)
        return moves

    def move(self, moves: Mapping[Partition, tuple[int, int]]) -> None:
        """Commit the new positions.

        Raises:
            GroupHasMembers: workers run.
            KafkaFailure: the brokers are unavailable or refuse.
        """
        places = [TopicPartition(*each, start) for each, (start, _) in moves.items()]
        try:
            done = self._reader.client.commit(offsets=places, asynchronous=False) if places else ()
        except KafkaException as error:
            raise self._refusal(error) from None
        for place in done or ():
            if place.error is not None:
                raise self._refusal(KafkaException(place.error))

    def _refusal(self, error: KafkaException) -> Exception:
        failure = translate(error, f"move the positions of group {self.group}")
        if failure.code in MEMBERS:
            return GroupHasMembers(f"group {self.group} has members: stop all workers first")
        return failure


def moves_back(
    positions: Mapping[Partition, GroupPosition], starts: Mapping[Partition, int]
) -> dict[Partition, tuple[int, int]]:
    """Return the new and the current position of each partition that moves back.

    A lane without a position begins at the start of the log anyway. A partition without a record
    after the time stays where it is.
    """
    return {
        each: (starts[each], position.offset)
        for each, position in positions.items()
        if position.offset is not None and starts.get(each, position.offset) < position.offset
    }


def lanes(settings: KafkaSettings) -> dict[str, dict[str, int]]:
    """Return the topics of each lane's group, with their delays in milliseconds."""
    names = settings.names
    tiers = {names.deliveries(delay): delay.millis for delay in (NOW, *settings.tiers)}
    return {names.events_group: dict.fromkeys(names.event_topics, 0), names.deliveries_group: tiers}
