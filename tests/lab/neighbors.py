"""Plays with floods, limits and outages of endpoints beside others, on one worker.

The scenes are in `neighbors_scenes`.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.generator import Schedule, publish_on_schedule
from bench.installation import Site, events, install
from lab.neighbors_outcome import Outcome, Seconds
from lab.receiver_process import Answers
from lab.receivers import Receivers
from plaudit.dev.processes import Workers
from plaudit.kafka.settings import KafkaSettings
from plaudit.publish import Publisher

LOOK_S: Final = 0.1
AT_ONCE_PER_S: Final = 20_000.0
"""As fast as one thread publishes."""


@dataclass(frozen=True, slots=True)
class Stream:
    """Events for one endpoint, published at a rate.

    Attributes:
        begins_s: after the beginning.
    """

    name: str
    count: int
    per_s: float = AT_ONCE_PER_S
    begins_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Change:
    """Changes the answers of an endpoint at some second."""

    at_s: float
    name: str
    answers: Answers


@dataclass(frozen=True, slots=True)
class Play:
    """The traffic, and the answers of the endpoints.

    Attributes:
        changes: in their order.
        within_s: time by which all deliveries must be complete.
    """

    streams: tuple[Stream, ...]
    changes: tuple[Change, ...]
    within_s: float


def play(kafka: KafkaSettings, folder: Path, given: Play) -> Outcome:
    """Publish and change endpoints, and return the result of one worker."""
    with Receivers(folder) as receivers:
        sites = {each.name: Site(receivers.url(each.name)) for each in given.streams}
        with (
            install(kafka, list(sites.values())) as installation,
            Workers(1, installation.environment, folder) as workers,
        ):
            for name in sites:
                receivers.behave(name, Answers())
            with Publisher(installation.settings) as publisher:
                for event in events(list(sites.values()), len(sites)):
                    publisher.publish(event)
            _arrive(receivers, workers, len(sites), time.monotonic() + 60)
            return _Stage(installation.settings, sites, receivers, workers).play(given)


def _arrive(receivers: Receivers, workers: Workers, count: int, until_s: float) -> None:
    while receivers.taken() < count and time.monotonic() < until_s:
        workers.check()
        threading.Event().wait(LOOK_S)


class _Stage:
    def __init__(
        self,
        settings: KafkaSettings,
        sites: dict[str, Site],
        receivers: Receivers,
        workers: Workers,
    ) -> None:
        self._settings = settings
        self._sites = sites
        self._receivers = receivers
        self._workers = workers
        self._seconds = Seconds()
        self._began_s = time.monotonic()

    def play(self, given: Play) -> Outcome:
        """Play to the end."""
        warm = self._receivers.taken()
        self._began_s = time.monotonic()
        with ThreadPoolExecutor(len(given.streams)) as pool:
            running = [(each, pool.submit(self._publish, each)) for each in given.streams]
            for change in given.changes:
                self._until(change.at_s)
                self._receivers.behave(change.name, change.answers)
            count = warm + sum(each.count for each in given.streams)
            while self._receivers.taken() < count and self._now_s() < given.within_s:
                self._until(self._now_s() + LOOK_S)
            published: dict[str, dict[str, float]] = {name: {} for name in self._sites}
            for stream, schedule in running:
                published[stream.name] |= self._moments(schedule.result())
        requests: dict[str, list[tuple[str, float, int]]] = {name: [] for name in self._sites}
        for each in self._receivers.seen()[warm:]:
            at_s = each.at_ns / 1e9 - self._began_s
            requests[each.path[1:]].append((each.event_id, at_s, each.status))
        return Outcome(published, requests, self._seconds)

    def _publish(self, stream: Stream) -> Schedule:
        self._sleep_until(stream.begins_s)
        site = self._sites[stream.name]
        return publish_on_schedule(self._settings, [site], stream.per_s, stream.count, _nothing)

    def _moments(self, schedule: Schedule) -> dict[str, float]:
        """Return the times of publishing, so that delays of the generator do not count."""
        return {
            event_id: (due_ns + late_ns) / 1e9 - self._began_s
            for (event_id, due_ns), late_ns in zip(
                schedule.due_ns.items(), schedule.late_ns, strict=True
            )
        }

    def _now_s(self) -> float:
        return time.monotonic() - self._began_s

    def _sleep_until(self, at_s: float) -> None:
        threading.Event().wait(max(0.0, at_s - self._now_s()))

    def _until(self, at_s: float) -> None:
        """Check the worker until then."""
        [pid] = self._workers.pids
        while (left_s := at_s - self._now_s()) > 0:
            self._workers.check()
            self._seconds.look(self._now_s(), pid)
            threading.Event().wait(min(LOOK_S, left_s))


def _nothing() -> None:
    pass
