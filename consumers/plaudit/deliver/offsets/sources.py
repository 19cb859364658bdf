"""The sources of one lane: one for each topic, or one for all of them.

`cooperative-sticky` and KIP-848's `uniform` even out how many partitions each member of a group
has, over all its topics together: with four topics and two workers, all partitions of the busiest
topic may stay with one. A member that subscribes to one topic can only be given partitions of that
topic, so a lane whose worker is one member for each topic has every topic shared out evenly. The
members are in one group: offsets stay where they are, and workers of a release that joined once
with all topics can be in it, too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from plaudit.deliver.offsets.assignment import Assignment, Record
from plaudit.deliver.offsets.budget import Budget
from plaudit.deliver.offsets.consumer_thread import ConsumerThread
from plaudit.deliver.offsets.record_sink import RecordSink
from plaudit.deliver.offsets.source_config import SourceConfig
from plaudit.kafka.broker_clock import BrokerClock
from plaudit.kafka.settings import KafkaSettings


class Sources:
    """Starts and stops a lane's sources, and adds up their numbers.

    Args:
        settings: where Kafka is.
        configs: what each reads.
        engine: makes what takes the records of one source.
        clock: the brokers' time.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        configs: Sequence[SourceConfig],
        engine: Callable[[], RecordSink],
        clock: BrokerClock,
    ) -> None:
        self._budget = Budget()
        self.each = [
            ConsumerThread(settings, one, engine(), clock, self._budget) for one in configs
        ]

    def start(self) -> None:
        """Begin to read."""
        for source in self.each:
            source.start()

    def stop(self) -> None:
        """Ask every source to stop; see `join`."""
        for source in self.each:
            source.stop()

    def join(self, timeout_s: float) -> bool:
        """Wait until all have committed and left the group; False when time is up."""
        deadline = time.monotonic() + timeout_s
        return all(each.join(max(0.0, deadline - time.monotonic())) for each in self.each)

    @property
    def fill(self) -> float:
        """The part that is taken of what may be in hand."""
        return self._budget.fill

    @property
    def in_hand(self) -> int:
        """Records handed over and not finished."""
        return self._budget.records

    @property
    def foreign(self) -> int:
        """How often a commit's metadata could not be read."""
        return sum(each.foreign for each in self.each)

    @property
    def handed_over(self) -> int:
        """Records given to the engine, ever."""
        return sum(each.handed_over for each in self.each)

    @property
    def done(self) -> Iterator[Record]:
        """Records of which a delivery is settled, and that no source has looked at yet."""
        for each in self.each:
            yield from tuple(each.done)

    @property
    def assignments(self) -> Sequence[Assignment]:
        """What is held now; a snapshot, from any thread."""
        return [one for each in self.each for one in each.assignments]
