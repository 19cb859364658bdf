"""Health of a worker: `/metrics`, `/healthz` and `/readyz`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from plaudit.deliver.process.metrics import WorkerCollector
from plaudit.deliver.worker import Worker
from plaudit.runtime.metrics.common import register_build_info

STUCK_AFTER_S: Final = 10.0
SOURCE_STUCK_AFTER_S: Final = 60.0
SOURCE_SILENT_AFTER_S: Final = 20.0
"""The worker is unready earlier than stuck, because a restart repeats what is in flight. A query of
the brokers takes 10 s at most."""
STALE_AFTER_S: Final = 10.0
SKEWED_S: Final = 300.0
"""Clock difference above which a worker is unready. Deliveries follow the brokers' clock, but such
a machine needs attention."""


class Health:
    """Health of a worker; also answers before the worker has started."""

    def __init__(self) -> None:
        self._worker: Worker | None = None
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        register_build_info(self.registry, "deliver")

    def watch(self, worker: Worker) -> None:
        """Report the health of a worker from now on."""
        self._worker = worker
        self.registry.register(WorkerCollector(worker))

    def stuck(self) -> list[str]:
        """Return the parts that make no progress; waiting for brokers does not count."""
        worker = self._worker
        if worker is None:
            return []
        now = time.monotonic()
        found = []
        if now - worker.ticked_at > STUCK_AFTER_S:
            found.append("the event loop makes no progress")
        found += [
            f"{each.source.name} makes no progress"
            for each in worker.lanes
            if now - each.source.read_at > SOURCE_STUCK_AFTER_S
        ]
        return found

    def unready(self) -> list[str]:
        """Return why the worker can't deliver; empty if it can."""
        worker = self._worker
        if worker is None:
            return ["the topics are not checked yet; brokers away?"]
        found = []
        as_of = worker.follower.current_as_of
        if as_of is None:
            found.append("the table of endpoints is not read to its end yet")
        elif time.monotonic() - as_of > STALE_AFTER_S:
            problem = worker.follower.problem
            found.append(f"the table of endpoints is not current: {problem or 'brokers away?'}")
        if as_of is not None and (unopened := worker.table.problem()) is not None:
            found.append(unopened)
        skew_s = (worker.clock.skew_ms or 0.0) / 1_000
        if abs(skew_s) > SKEWED_S:
            side = "behind" if skew_s > 0 else "ahead of"
            found.append(f"this machine's clock is {abs(skew_s):,.0f} s {side} the brokers'")
        if worker.settler.trouble is not None:
            found.append(f"writes fail: {worker.settler.trouble}")
        found += [each.source.refused for each in worker.lanes if each.source.refused]
        found += [problem for each in worker.lanes for problem in each.watch.problems]
        found += [
            each.describe() for lane in worker.lanes for each in lane.blocked if each.by_record
        ]
        found += _without_work(worker)
        return [*found, *self.stuck()]


def _without_work(worker: Worker) -> Iterator[str]:
    """Yield consumer threads that do not read, or are not members of their group."""
    now = time.monotonic()
    for source in (lane.source for lane in worker.lanes):
        silent_s = now - source.read_at
        problem = source.membership.problem
        if SOURCE_SILENT_AFTER_S < silent_s <= SOURCE_STUCK_AFTER_S:
            yield f"{source.name} has not read for {silent_s:.0f} s"
        elif problem is not None:
            yield problem
