"""Rewind of the lanes' positions to a time, so that they read again what came after it.

After a failover, a position may have been copied, and a record that was written before it not, such
as a retry. Then the event counts as done, and its retry is missing. Reading it again costs
repetitions, which receivers recognize by `webhook-id`.
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
"""What brokers answer to a commit from outside while a group has members."""


class GroupHasMembers(ValueError):
    """Positions can't be changed while workers run. The message says what to do."""


class LaneRewind:
    """Positions of one lane's group, to be moved back; closes its connections on exit.

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
        """Return the partitions to move back: the new position, and the present one.

        A retry is read when its delay is over, so it counts as read at that time.

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
    """Return the new and the present position of each partition that moves back.

    Without a position, a lane begins at the start of the log anyway. Without a record after the
    time, there is nothing to read again.
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
