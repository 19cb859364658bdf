"""Running lane: a consumer thread, its bridge and its pipeline."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from plaudit.deliver.isolation.admission import Admission
from plaudit.deliver.isolation.dlq_limit import DlqLimiter
from plaudit.deliver.offsets.blocked import Blockage, overdue_s
from plaudit.deliver.offsets.bridge import LoopBridge
from plaudit.deliver.offsets.consumer_thread import ConsumerThread
from plaudit.deliver.offsets.lag_watch import Due
from plaudit.deliver.pipeline.pipeline import Pipeline
from plaudit.deliver.pipeline.schema_wait import SchemaWait
from plaudit.deliver.pipeline.upkeep import end_lost, relieve, update_endpoints
from plaudit.deliver.stranded import StrandedWatch
from plaudit.deliver.telemetry.counters import LaneCounters
from plaudit.kafka.broker_clock import BrokerClock
from plaudit.logs.logger import event_logger

_log = event_logger(__name__)

MOST_DELIVERIES: Final = 20_000
"""Capacity of a lane: with this many deliveries in hand, it stops reading."""


class RunningLane:
    """One lane of a worker while it runs."""

    def __init__(
        self,
        lane: LoopBridge,
        source: ConsumerThread,
        pipeline: Pipeline,
        watch: StrandedWatch,
        clock: BrokerClock,
    ) -> None:
        self._clock = clock
        self.lane = lane
        self.source = source
        self.pipeline = pipeline
        self.watch = watch

    @property
    def fill(self) -> float:
        """Used share of the lane's capacity."""
        return max(self.admission.in_hand / MOST_DELIVERIES, self.source.holdings.fill)

    @property
    def blocked(self) -> Sequence[Blockage]:
        """Blocked partitions, with the reasons."""
        return self.lane.blocked

    @property
    def schema_wait(self) -> SchemaWait:
        """Limits how long a record may block its partition."""
        return self.pipeline.lane.schema_wait

    @property
    def counters(self) -> LaneCounters:
        """Counts for metrics."""
        return self.pipeline.lane.counters

    @property
    def limiter(self) -> DlqLimiter:
        """Flood protection."""
        return self.pipeline.lane.limiter

    @property
    def admission(self) -> Admission:
        """Waiting deliveries, and attempts in flight."""
        return self.pipeline.admission

    def close(self) -> None:
        """Ignore outcomes from now on: the next owner reads the records again."""
        self.pipeline.lane.closed = True

    @property
    def late_s(self) -> float:
        """Lateness of the lane: that of its latest record, or of an unprocessed due record."""
        begun_s = max(self.counters.late_s, self.lane.late_s)
        now_ms = self._clock.now_ms()
        return max(begun_s, overdue_s(self.blocked, self.source.assignments, now_ms))

    @property
    def due(self) -> Due:
        """Records that could be delivered now."""
        return self.source.lag.due(self._clock.now_ms())

    def tick(self) -> None:
        """Run the periodic tasks, a few times a second."""
        self.lane.tick()
        self.update()
        self.recover_stranded()

    def recover_stranded(self) -> None:
        """Process stranded records again."""
        now_s = time.monotonic()
        self.pipeline.wide_events.restart()
        end_lost(self.pipeline, now_s - self.watch.patience_s)
        if not self.lane.paused:
            self.watch.check(self.source.assignments, now_s)

    def update(self) -> None:
        """Update the endpoints, and relieve partitions that hanging ones block."""
        update_endpoints(self.pipeline)
        self._count_workspaces()
        relieved = relieve(self.pipeline, self.source.assignments, self.fill)
        if relieved.evicted or relieved.diverted:
            _log.warning(
                "lane.relieved",
                extra={
                    "lane": self.lane.name,
                    "diverted": len(relieved.diverted),
                    "evicted": len(relieved.evicted),
                },
            )

    def _count_workspaces(self) -> None:
        workspaces, now_s = self.counters.workspaces, time.monotonic()
        if workspaces.is_over(now_s):
            in_hand = self.admission.queues.deliveries
            workspaces.roll(now_s, (each.event.workspace_id for each in in_hand))
