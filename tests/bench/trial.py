"""One installation under load: what is published, who delivers it, and what that costs."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

from bench.children import Child, Sink, use
from bench.figures import Sample
from bench.honesty import Conditions, Ledger, judge
from bench.installation import PARTITIONS, Installation, Site, Tell, events
from bench.ledger import read_ledger
from bench.machine import Cores, busy_s, cpu_s
from bench.references import CEILINGS, Kind, Reference
from bench.sink import Reading
from bench.steady import Instant, Window, window
from plaudit.dev.processes import Workers
from plaudit.kafka.admin.topic_specs import Section
from plaudit.kafka.admin.topics import Admin
from plaudit.kafka.errors import KafkaFailure
from plaudit.publish import Publisher

LOOK_S: Final = 0.02
START_S: Final = 60.0
"""How long anything may take to its first delivery."""
WARM_SHARE: Final = 0.1
"""Of the deliveries: made before measuring begins, and after it ends."""
WARM_S: Final = 1.0
TELL_S: Final = 1.0
JOIN_LOOK_S: Final = 0.2
QUIET_S: Final = 5.0
SOURCE: Final = "/plaudit/bench"
NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
REFERENCES: Final = "bench.references"


class NothingArrives(Exception):
    """A contender delivered nothing in time."""


class Trial:
    """One installation, one sink; workers and references come and go.

    Args:
        installation: where to.
        sink: of its endpoints.
        cores: who runs where.
        folder: for logs.
        most_foreign: share of a worker's own core that others may use.
        tell: says what is being done.

    Attributes:
        published: events that the brokers have acknowledged.
    """

    def __init__(
        self,
        installation: Installation,
        sink: Sink,
        cores: Cores,
        folder: Path,
        most_foreign: float,
        tell: Tell,
    ) -> None:
        self.installation = installation
        self.sink = sink
        self.published = 0
        self._cores = cores
        self._folder = folder
        self._most_foreign = most_foreign
        self._tell = tell
        self._of_references = 0
        self._moved = 0

    @property
    def sites(self) -> Sequence[Site]:
        """The endpoints."""
        return self.installation.sites

    @property
    def rest(self) -> Sequence[int]:
        """The cores that no worker has to itself."""
        return self._cores.rest

    @property
    def delivered(self) -> int:
        """Deliveries by workers that the sink answered with 200, each counted once."""
        now = self.sink.reading()
        return now.answered - now.repeated - self._of_references

    def publish(self, sites: Sequence[Site], count: int) -> None:
        """Publish events, one site after the other, until the brokers have all of them.

        Raises:
            ProducerClosed: they don't.
        """
        self._tell(f"publishing {count:,} events")
        with Publisher(self.installation.settings, source=SOURCE) as publisher:
            for event in events(sites, count):
                publisher.publish(event)
        self.published += count

    def top_up(self, count: int) -> None:
        """Publish until this many events wait."""
        missing = count - (self.published - self.delivered)
        if missing > 0:
            self.publish(self.sites, missing)

    @contextmanager
    def workers(
        self, count: int = 1, environment: Mapping[str, str] = NOTHING
    ) -> Iterator[Workers]:
        """Run deliver processes, each on its core, with more settings if given."""
        settings = {**self.installation.environment, **environment}
        with Workers(count, settings, self._folder, cores=self._cores.workers) as workers:
            yield workers

    def deliver(
        self, seconds: float, count: int = 1, environment: Mapping[str, str] = NOTHING
    ) -> Sample:
        """Start workers on the backlog that is there; stop them near its end, or after a time.

        The whole way counts: reading, deciding, signing, POST, the record of the attempt, commits.

        Args:
            seconds: for measuring, at most.
            count: of workers.
            environment: more settings of theirs.
        """
        before, done = self.sink.reading(), self.delivered
        with self.workers(count, environment) as workers:
            start_s = self.first_arrival(before, workers.check)
            since, expected = before, self.published - done
            if count > 1:
                # The first worker owns everything until the others are up, and starting takes CPU,
                # too.
                self.joined(workers)
                since, expected = self.sink.reading(), self.published - self.delivered
            seen = self._measure(since, expected, seconds, workers.pids, workers.check)
            exits = workers.stop()
        ledger = self.ledger()
        values = {
            **seen.values,
            "start_s": start_s,
            "detours": (ledger.moved - self._moved) / max(1, ledger.delivered - done),
            "repeated": ledger.repeated - before.repeated,
        }
        self._moved = ledger.moved
        return self.sample(values, replace(seen.conditions(), exits=exits, ledger=ledger))

    def compare(self, kind: Kind, seconds: float, most: int) -> Sample:
        """Run a reference on the worker's core, over the same records, to the same sink.

        Args:
            kind: which.
            seconds: for measuring, at most.
            most: deliveries; a loop ends with its topics.
        """
        settings = self.installation.settings
        reference = Reference(
            kind,
            self.sink.url(f"/{kind}"),
            seconds=int(seconds + START_S),
            topics=settings.names.event_topics,
            group=f"{settings.topic_prefix}bench.{kind}.{time.monotonic_ns()}",
        )
        before = self.sink.reading()
        log = self._folder / f"{kind}.log"
        environment = {**os.environ, **self.installation.environment}
        with Child(
            REFERENCES, reference.options(), self._cores.workers[:1], log, environment
        ) as child:
            self.first_arrival(before, child.check)
            seen = self._measure(before, most, seconds, [child.pid], child.check)
        self._of_references += self._quiet().answered - before.answered
        conditions = seen.conditions()
        if kind in CEILINGS:  # which are there to saturate the sink, or themselves
            conditions = replace(conditions, sink_share=None)
        return self.sample(seen.values, conditions)

    def ledger(self) -> Ledger:
        """Return where every delivery is; no worker may run."""
        repeated = self._quiet().repeated
        settings = self.installation.settings
        return read_ledger(settings, self.published, self.delivered, repeated)

    def sample(self, values: Mapping[str, float], conditions: Conditions) -> Sample:
        """Judge what was measured."""
        return Sample(values, judge(conditions, self._most_foreign))

    def first_arrival(self, before: Reading, check: Callable[[], None]) -> float:
        """Wait for the next request; return the seconds since now.

        Raises:
            NothingArrives: none comes in time.
        """
        began_ns = time.monotonic_ns()
        while (now := self.sink.reading()).arrived == before.arrived:
            if now.at_ns - began_ns > START_S * 1e9:
                raise NothingArrives(f"nothing was delivered within {START_S:.0f} s")
            check()
            time.sleep(LOOK_S)
        return (now.at_ns - began_ns) / 1e9

    def joined(self, workers: Workers) -> None:
        """Wait until both groups have every worker as a member, and all is shared out among them.

        Raises:
            NothingArrives: it does not come to that.
        """
        settings = self.installation.settings
        admin, names = Admin(settings), settings.names
        deadline = time.monotonic() + START_S
        topics, tiers = len(names.event_topics), 1 + len(settings.tiers)
        partitions = {
            names.events_group: topics * PARTITIONS[Section.EVENTS],
            names.deliveries_group: tiers * PARTITIONS[Section.DELIVERIES],
        }
        for group, every in partitions.items():
            # Moving partitions have no owner for a moment.
            while (shares := _shares(admin, group)) is None or (
                len(shares) != len(workers.pids) or sum(shares) != every
            ):
                if time.monotonic() > deadline:
                    raise NothingArrives(f"not every worker has joined {group}")
                workers.check()
                time.sleep(JOIN_LOOK_S)

    def arrived(
        self, before: Reading, count: int, seconds: float, check: Callable[[], None]
    ) -> bool:
        """Wait for this many requests since then; False when the time is up first."""
        began = told = time.monotonic()
        while (done := self.sink.reading().arrived - before.arrived) < count:
            now = time.monotonic()
            if now - began > seconds:
                return False
            if now - told > TELL_S:
                told = now
                pace = done / (now - began)
                self._tell(f"{done:,} of {count:,} delivered, {pace:,.0f}/s")
            check()
            time.sleep(LOOK_S)
        return True

    def answered(self, count: int, seconds: float, check: Callable[[], None]) -> bool:
        """Wait for this many deliveries in all; False when the time is up first."""
        deadline = time.monotonic() + seconds
        while self.delivered < count:
            if time.monotonic() > deadline:
                return False
            check()
            time.sleep(LOOK_S)
        return True

    def _measure(
        self,
        before: Reading,
        expected: int,
        seconds: float,
        pids: Sequence[int],
        check: Callable[[], None],
    ) -> Window:
        """Leave out the beginning and the end; measure what is between."""
        self.arrived(before, int(expected * WARM_SHARE), WARM_S, check)
        begin = self.instant(pids)
        self.arrived(before, int(expected * (1 - WARM_SHARE)), seconds, check)
        return self.since(begin, pids)

    def instant(self, pids: Sequence[int]) -> Instant:
        """Return what was counted and used up to now, by processes and by the cores they are on."""
        alone = self._cores.alone(len(pids))
        alone_s = sum(cpu_s(pids[number]) for number in alone)
        return Instant(self.sink.reading(), use(pids), alone_s, busy_s(list(alone.values())))

    def since(self, begin: Instant, pids: Sequence[int]) -> Window:
        """Compare now with a moment before."""
        return window(begin, self.instant(pids), len(self._cores.alone(len(pids))))

    def _quiet(self) -> Reading:
        """Wait until the sink has no open connections."""
        deadline = time.monotonic() + QUIET_S
        while (now := self.sink.reading()).connections and time.monotonic() < deadline:
            time.sleep(LOOK_S)
        return now


def _shares(admin: Admin, group: str) -> Sequence[int] | None:
    """Return how many partitions each member of a group has; None while it is unknown.

    Raises:
        KafkaFailure: the brokers refuse to report it.
    """
    try:
        return admin.partition_counts(group)
    except KafkaFailure as failure:
        if not failure.retriable:
            raise
        return None
