"""Run of a day: publishing, incidents, completion and collection of evidence."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

from lab.day.findings import DayEvidence, Fates, Sample
from lab.day.installation import DayStage, living
from lab.day.plan import Action, Change, Flood, Redrive, Step
from lab.evidence import Evidence
from lab.faults import perform
from lab.ledger import Pair
from lab.stage import now_ms
from lab.topics import lines, waiting

LOOK_EVERY_S: Final = 0.25
SAMPLE_EVERY_S: Final = 1.0
SERVE_WITHIN_S: Final = 90.0
REDRIVE_WITHIN_S: Final = 300.0
SETTLE_SHARE: Final = 0.2
SETTLE_AT_LEAST_S: Final = 45.0
QUIET: Final = "quiet"
SETTLING: Final = "settling"
Progress = Callable[["DayRun"], None]


class DayRun:
    """A day in progress.

    Attributes:
        settled: pairs that were delivered or became dead letters.
        phase: the latest incident.
        interrupted: whether Ctrl-C ended the day early.
    """

    def __init__(self, stage: DayStage, steps: tuple[Step, ...], progress: Progress) -> None:
        self.stage = stage
        self.settled: set[Pair] = set()
        self.phase = QUIET
        self.interrupted = False
        self.began = time.monotonic()
        self._steps = steps
        self._progress = progress
        self._phases = [(now_ms(), QUIET)]
        self._samples: list[Sample] = []
        self._complaints: list[str] = []
        self._ended = threading.Event()

    @property
    def elapsed_s(self) -> float:
        """Seconds since the first event was due."""
        return time.monotonic() - self.began

    def play(self) -> DayEvidence:
        """Play the day to its end, or until Ctrl-C; return the evidence."""
        stage = self.stage
        sampling = threading.Thread(target=self._sample, name="sampling", daemon=True)
        sampling.start()
        self._wait_for_workers()
        self._phases = [(now_ms(), QUIET)]
        self.began = time.monotonic()
        stage.publishing.start()
        try:
            self._go_through()
            stage.publishing.enough.set()
            self._enter(SETTLING)
            self._settle()
        except KeyboardInterrupt:
            self.interrupted = True
            stage.publishing.stop()
            stage.cluster.start()
            self._enter(SETTLING)
            self._settle()
        stage.publishing.stop()
        self._ended.set()
        sampling.join()
        self._end()
        return self._collect()

    def _wait_for_workers(self) -> None:
        deadline = time.monotonic() + SERVE_WITHIN_S
        while not all(self.stage.serves(each.number) for each in self.stage.workers):
            self._look()
            if time.monotonic() > deadline:
                self._complaints.append("the workers got no partitions in time")
                return

    def _go_through(self) -> None:
        length_s = self.stage.shape.size.seconds
        for step in self._steps:
            self._wait_until(step.at * length_s)
            self._enter(step.name)
            self._perform(step.action)
        self._wait_until(length_s)

    def _wait_until(self, elapsed_s: float) -> None:
        while self.elapsed_s < elapsed_s:
            self._look()

    def _look(self) -> None:
        stage = self.stage
        for each in stage.subscribers.file.read():
            if 200 <= each.status < 300:
                self.settled.add((each.subscriber, each.event))
        for letter in stage.letters.read():
            self.settled.add((letter.subscriber, letter.event))
        self._progress(self)
        time.sleep(LOOK_EVERY_S)

    def _enter(self, phase: str) -> None:
        self.phase = phase
        self._phases.append((now_ms(), phase))

    def _perform(self, action: Action) -> None:
        stage = self.stage
        match action:
            case Flood(deliveries, tenant):
                stage.publishing.burst(deliveries, tenant)
            case Change(role, behavior):
                for name, kind in stage.shape.kinds.items():
                    if kind.role == role:
                        stage.behave([name], behavior or kind.behavior)
            case Redrive(reason):
                given = ("--reason", reason, "--yes")
                stage.command("dlq", "redrive", *given, within_s=REDRIVE_WITHIN_S)
            case _:
                perform(stage, action)

    def _settle(self) -> None:
        """Wait until both lanes have read all due records, but not the delays of retries."""
        within_s = max(SETTLE_AT_LEAST_S, SETTLE_SHARE * self.stage.shape.size.seconds)
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            self._look()
            if self.stage.publishing.done and not self._behind():
                return

    def _behind(self) -> bool:
        names = self.stage.rig.settings.names
        at_once = {*names.event_topics, names.deliveries_now}
        return any(each.topic in at_once for each in self.stage.groups.behind())

    def _sample(self) -> None:
        while not self._ended.wait(SAMPLE_EVERY_S):
            for worker in living(self.stage):
                worker.look()
                self._samples.append(
                    Sample(worker.ended_ms, worker.number, worker.cpu_s, worker.last_mib)
                )

    def _end(self) -> None:
        for worker in self.stage.workers:
            ended = worker.process.poll()
            code = self.stage.rig.stop(worker.process, 60) if ended is None else ended
            if code or ended is not None:
                self._complaints.append(f"worker {worker.number} ended with exit code {code}")
        self.stage.subscribers.end()
        self.stage.letters.read()

    def _collect(self) -> DayEvidence:
        stage = self.stage
        publishing = stage.publishing
        evidence = Evidence(
            frozenset(publishing.published),
            publishing.accepted,
            stage.subscribers.file.arrivals,
            list(lines(stage.rig, stage.names)),
            list(waiting(stage.rig, stage.names)),
            stage.letters.letters,
            (),
            {each.name: frozenset(each.types) for each in stage.scenario.subscribers},
            {name: kind.reasons for name, kind in stage.shape.kinds.items()},
            homes={each.name: each.workspace for each in stage.scenario.subscribers},
        )
        records = {each.partition for each in evidence.waiting}
        records |= {each.partition for each in evidence.accepted.values()}
        failed = [f"not published: {each}" for each in publishing.failures[:3]]
        return DayEvidence(
            stage.shape,
            evidence,
            Fates(stage.groups.committed(records)),
            tuple(self._phases),
            tuple(self._samples),
            tuple(stage.workers),
            (*self._complaints, *failed),
            self.interrupted,
        )
