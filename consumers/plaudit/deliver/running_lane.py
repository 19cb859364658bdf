"""A lane with its source and its deliverer."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from plaudit.deliver.isolation.head_of_line import relief
from plaudit.deliver.offsets.blocked import Blockage, overdue_s
from plaudit.deliver.offsets.bridge import LoopBridge
from plaudit.deliver.offsets.consumer_thread import ConsumerThread
from plaudit.deliver.pipeline.patience import Patience
from plaudit.deliver.pipeline.pipeline import Pipeline
from plaudit.deliver.stranded import Watch
from plaudit.kafka.broker_clock import BrokerClock
from plaudit.logs.logger import event_logger

_log = event_logger(__name__)

MOST_DELIVERIES: Final = 20_000
"""Deliveries that one lane may have in hand; more records are not read."""


class RunningLane:
    """A lane with its source and its deliverer."""

    def __init__(
        self,
        lane: LoopBridge,
        source: ConsumerThread,
        deliverer: Pipeline,
        watch: Watch,
        clock: BrokerClock,
    ) -> None:
        self._clock = clock
        self.lane = lane
        self.source = source
        self.deliverer = deliverer
        self.watch = watch

    @property
    def fill(self) -> float:
        """The part that is taken of what the lane may have in hand."""
        return max(self.deliverer.admission.in_hand / MOST_DELIVERIES, self.source.holdings.fill)

    @property
    def blocked(self) -> Sequence[Blockage]:
        """Partitions that stand still, and why."""
        return self.lane.blocked

    @property
    def patience(self) -> Patience:
        """Says when a record that can't be read yet is given up."""
        return self.deliverer.patience

    @property
    def late_s(self) -> float:
        """How late the lane is: its latest record, or one that is due and was not begun yet."""
        begun_s = max(self.deliverer.tally.late_s, self.lane.late_s)
        now_ms = self._clock.now_ms()
        return max(begun_s, overdue_s(self.blocked, self.source.assignments, now_ms))

    def look_for_stranded(self) -> None:
        """Begin anew what a defect of ours has lost."""
        now_s = time.monotonic()
        self.deliverer.rounds.revive()
        self.deliverer.end_lost(now_s - self.watch.patience_s)
        if not self.lane.held_up:
            self.watch.look(self.source.assignments, now_s)

    def look(self) -> None:
        """Look after endpoints that hang, and partitions that wait for them."""
        deliverer, now_s = self.deliverer, time.monotonic()
        deliverer.look()
        relieved = relief(deliverer.admission, self.source.assignments, self.fill, now_s)
        deliverer.relieve(relieved)
        if relieved.evicted or relieved.diverted:
            _log.warning(
                "lane.relieved",
                extra={
                    "lane": self.lane.name,
                    "diverted": len(relieved.diverted),
                    "evicted": len(relieved.evicted),
                },
            )
