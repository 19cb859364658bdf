"""Events for thousands of endpoints, and a neighbor with one: memory, and who waits how long.

cd tests && python -m lab.wide --events 150 --endpoints 2000
"""

from __future__ import annotations

import argparse
import os
import tempfile
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.children import Sink
from bench.figures import percentile
from bench.generator import Schedule, publish_on_schedule
from bench.installation import Installation, Site, events, install
from bench.machine import memory_mib
from plaudit.dev.kafka import LocalKafka
from plaudit.dev.processes import Workers
from plaudit.kafka.settings import KafkaSettings
from plaudit.publish import Publisher

NEIGHBOR: Final = "/neighbor"
LOOK_S: Final = 0.2
QUIET_S: Final = 3.0
"""Time before the wide events, which measures the neighbor's normal latency."""
MOST_S: Final = 600.0


@dataclass(frozen=True, slots=True)
class Shape:
    """The traffic.

    Attributes:
        events: wide ones, at once.
        endpoints: that want each of them.
        origins: hosts that they are spread over.
        neighbor_per_s: events for the neighbor.
        neighbor_s: for so long.
    """

    events: int
    endpoints: int
    origins: int = 100
    neighbor_per_s: float = 10.0
    neighbor_s: float = 20.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """The arrivals.

    Attributes:
        missing: deliveries that did not arrive.
        repeated: deliveries that arrived more than once.
        seconds: from the first wide event to the last delivery.
        before_mib: the worker's memory before the wide events.
        most_mib: at the most.
        after_mib: in the end.
        before_ms: the neighbor's latencies before the wide events, ascending.
        beside_ms: its latencies from then on, ascending.
    """

    missing: int
    repeated: int
    seconds: float
    before_mib: float
    most_mib: float
    after_mib: float
    before_ms: list[float]
    beside_ms: list[float]

    def __str__(self) -> str:
        def told(times: list[float]) -> str:
            p50, p99 = percentile(times, 0.5), percentile(times, 0.99)
            return f"p50 {p50:.0f} ms, p99 {p99:.0f} ms, max {times[-1]:.0f} ms ({len(times)})"

        return (
            f"missing {self.missing}, repeated {self.repeated}, {self.seconds:.0f} s\n"
            f"memory {self.before_mib:.0f} MiB before, {self.most_mib:.0f} at most, "
            f"{self.after_mib:.0f} in the end\n"
            f"neighbor before: {told(self.before_ms)}\nneighbor beside: {told(self.beside_ms)}"
        )


def sites(shape: Shape, sink: Sink) -> tuple[list[Site], Site]:
    """Return the endpoints of the wide workspace, and the neighbor in another workspace."""
    workspace = str(uuid.uuid4())
    wide = [
        Site(
            sink.url(f"/{number}", f"127.1.{number % shape.origins // 250}.{number % 250 + 1}"),
            workspace_id=workspace,
        )
        for number in range(shape.endpoints)
    ]
    return wide, Site(sink.url(NEIGHBOR))


def play(kafka: KafkaSettings, folder: Path, shape: Shape) -> Outcome:
    """Publish wide events beside the neighbor's, and return the result of one worker."""
    cores = sorted(os.sched_getaffinity(0))
    with Sink(cores, folder, record=True) as sink:
        wide, neighbor = sites(shape, sink)
        with (
            install(kafka, [*wide, neighbor]) as installation,
            Workers(1, installation.environment, folder) as workers,
        ):
            return _Run(installation, sink, workers, shape).play(wide[0], neighbor)


class _Run:
    def __init__(
        self, installation: Installation, sink: Sink, workers: Workers, shape: Shape
    ) -> None:
        self._settings = installation.settings
        self._sink = sink
        self._workers = workers
        self._shape = shape
        self._done = threading.Event()

    def play(self, wide: Site, neighbor: Site) -> Outcome:
        count = int(self._shape.neighbor_per_s * self._shape.neighbor_s)
        self._wait_for(1, [neighbor])
        with ThreadPoolExecutor(1) as pool:
            rate = self._shape.neighbor_per_s
            beside = pool.submit(
                publish_on_schedule, self._settings, [neighbor], rate, count, lambda: None
            )
            time.sleep(QUIET_S)
            [pid] = self._workers.pids
            before_mib = memory_mib(pid, peak=False)
            began_ns = time.monotonic_ns()
            self._publish([wide], self._shape.events)
            self._arrive(1 + count + self._shape.events * self._shape.endpoints)
            schedule = beside.result()
        most_mib, after_mib = memory_mib(pid), memory_mib(pid, peak=False)
        return self._outcome(schedule, began_ns, (before_mib, most_mib, after_mib))

    def _wait_for(self, count: int, of: list[Site]) -> None:
        """Publish an event and wait for its arrival, which shows that the worker serves."""
        self._publish(of, count)
        self._arrive(count)

    def _publish(self, of: list[Site], count: int) -> None:
        with Publisher(self._settings) as publisher:
            for event in events(of, count):
                publisher.publish(event)

    def _arrive(self, count: int) -> None:
        deadline = time.monotonic() + MOST_S
        while self._sink.reading().answered < count and time.monotonic() < deadline:
            self._workers.check()
            self._done.wait(LOOK_S)

    def _outcome(
        self, schedule: Schedule, began_ns: int, memory: tuple[float, float, float]
    ) -> Outcome:
        arrivals = self._sink.arrivals()
        seen = {(each.event_id, each.path) for each in arrivals}
        latencies = [
            (each.at_ns >= began_ns, (each.at_ns - schedule.due_ns[each.event_id]) / 1e6)
            for each in arrivals
            if each.path == NEIGHBOR and each.event_id in schedule.due_ns
        ]
        wide = sum(path != NEIGHBOR for _, path in seen)
        return Outcome(
            self._shape.events * self._shape.endpoints
            - wide
            + len(schedule.due_ns)
            - len(latencies),
            len(arrivals) - len(seen),
            (max(each.at_ns for each in arrivals) - began_ns) / 1e9,
            *memory,
            sorted(took for later, took in latencies if not later),
            sorted(took for later, took in latencies if later),
        )


def main() -> None:
    """Play once on a separate broker, and print the result."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--events", type=int, default=150)
    asked.add_argument("--endpoints", type=int, default=2_000)
    asked.add_argument("--origins", type=int, default=100)
    asked.add_argument("--seconds", type=float, default=60.0)
    given = asked.parse_args()
    shape = Shape(given.events, given.endpoints, given.origins, neighbor_s=given.seconds)
    with LocalKafka() as broker, tempfile.TemporaryDirectory() as folder:
        settings = KafkaSettings(bootstrap_servers=broker.bootstrap)
        print(play(settings, Path(folder), shape))


if __name__ == "__main__":
    main()
