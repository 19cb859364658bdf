"""Run of a scenario, and its verdict."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Final, assert_never

from lab.evidence import Evidence
from lab.faults import perform
from lab.ledger import Pair, judge
from lab.outcome import Outcome
from lab.report import write
from lab.scenario import (
    GONE,
    AllServing,
    Behavior,
    Delivered,
    Later,
    Published,
    Scenario,
    Serving,
    When,
)
from lab.stage import Place, Stage, Worker
from lab.topics import lines, waiting

LOOK_EVERY_S: Final = 0.05
CAUGHT_UP_S: Final = 20.0
Progress = Callable[[Stage], None]


class Run:
    """A scenario in progress."""

    def __init__(self, stage: Stage, progress: Progress) -> None:
        self._stage = stage
        self._progress = progress
        self._deadline = time.monotonic() + stage.scenario.within_s
        self._last = time.monotonic()
        self._serving_since: float | None = None
        self._settled: set[Pair] = set()
        self._complaints: list[str] = []
        self._interrupted = False

    def play(self) -> Outcome:
        """Publish, perform the faults, wait until everything is settled, stop, and judge.

        Ctrl-C ends publishing and faults; the run then judges the published events.
        """
        stage = self._stage
        stage.publishing.start()
        try:
            self._break()
            stage.publishing.enough.set()
            self._wait(self._all_settled)
        except KeyboardInterrupt:
            self._interrupted = True
            stage.publishing.stop()
            if stage.place.cluster is not None:
                stage.place.cluster.start()
            self._wait(self._all_settled)
        stage.publishing.stop()
        self._catch_up()
        self._end()
        return self._judge()

    def _break(self) -> None:
        """Perform the faults of the scenario at their times."""
        for when, fault in self._stage.scenario.steps:
            if not self._wait(partial(self._reached, when)):
                self._complaints.append(f"{when} did not come in time, so no {fault}")
                break
            perform(self._stage, fault)
            self._last, self._serving_since = time.monotonic(), None

    def _wait(self, reached: Callable[[], bool]) -> bool:
        """Poll until a condition holds; return False when the scenario's time is up."""
        while not reached():
            if time.monotonic() > self._deadline:
                return False
            self._look()
            time.sleep(LOOK_EVERY_S)
        return True

    def _look(self) -> None:
        stage = self._stage
        for each in stage.subscribers.file.read():
            if 200 <= each.status < 300:
                self._settled.add((each.subscriber, each.event))
        for letter in stage.letters.read():
            self._settled.add((letter.subscriber, letter.event))
        for worker in stage.workers:
            worker.look()
        self._progress(stage)

    def _reached(self, when: When) -> bool:
        stage = self._stage
        match when:
            case Delivered(count):
                return stage.subscribers.file.taken >= count
            case Published(count):
                return len(stage.publishing.accepted) >= count
            case Later(seconds):
                return time.monotonic() - self._last >= seconds
            case Serving(worker, seconds):
                return self._served([worker], seconds)
            case AllServing(seconds):
                living = [each.number for each in stage.workers if not each.ended]
                return self._served(living, seconds)
        assert_never(when)

    def _served(self, workers: Sequence[int], seconds: float) -> bool:
        """Return whether these workers have been serving for this long."""
        if self._serving_since is None and all(map(self._stage.serves, workers)):
            self._serving_since = time.monotonic()
        since = self._serving_since
        return since is not None and time.monotonic() - since >= seconds

    def _all_settled(self) -> bool:
        stage = self._stage
        self._look()
        if not stage.publishing.done:
            return False
        wanted = stage.scenario.subscribers
        return all(
            (each.name, event) in self._settled
            for event, accepted in stage.publishing.accepted.items()
            for each in wanted
            if each.wants(accepted.type)
        )

    def _catch_up(self) -> None:
        """Wait until the groups have committed everything, so that no partition is blocked."""
        deadline = time.monotonic() + CAUGHT_UP_S
        while behind := self._stage.groups.behind():
            if time.monotonic() > deadline:
                self._complaints.append(f"all is settled and not all is committed: {behind}")
                return
            time.sleep(LOOK_EVERY_S)

    def _end(self) -> None:
        """Stop the workers; the scenario must expect those that ended on their own."""
        stage = self._stage
        for worker in stage.workers:
            worker.look()
            ended = worker.process.poll()
            if worker.ended:
                continue
            expected = stage.scenario.exits.get(worker.number, 0)
            code = stage.rig.stop(worker.process, 40) if ended is None else ended
            if code != expected or (ended is not None and not expected):
                crash = stage.rig.crash(worker.number)
                self._complaints.append(
                    f"worker {worker.number} ended with exit code {code}\n{crash}".strip()
                )
        stage.subscribers.end()
        stage.letters.read()

    def _judge(self) -> Outcome:
        stage, scenario = self._stage, self._stage.scenario
        evidence = gather(stage)
        ledger = judge(evidence)
        failed = [f"not published: {each}" for each in stage.publishing.failures[:3]]
        if len(evidence.accepted) != len(evidence.published):
            failed.append(f"{len(evidence.accepted)} of {len(evidence.published)} events accepted")
        logs = [list(_log(stage, worker)) for worker in stage.workers]
        crashes = [
            f"worker {number} wrote {line['event']!r}"
            for number, found in enumerate(logs)
            for line in found
            if line["level"] == "plain"
        ]
        complaints = ledger.complaints(scenario.repetitions)
        return Outcome(
            scenario,
            evidence,
            ledger,
            [*self._complaints, *failed, *crashes[:3], *complaints],
            stage.marks,
            stage.workers,
            [[json.dumps(line) for line in found] for found in logs],
            [Counter(line["event"] for line in found) for found in logs],
            self._interrupted,
        )


def play(scenario: Scenario, place: Place, progress: Progress = lambda _: None) -> Outcome:
    """Play a scenario; write `report.txt` and `timeline.svg` into the place's folder."""
    with Stage(scenario, place) as stage:
        outcome = Run(stage, progress).play()
    write(outcome, place.folder)
    return outcome


def gather(stage: Stage) -> Evidence:
    """Collect the evidence after the end of the run."""
    scenario, publishing = stage.scenario, stage.publishing
    retries = len(stage.place.settings.schedule)
    return Evidence(
        frozenset(publishing.published),
        publishing.accepted,
        stage.subscribers.file.arrivals,
        list(lines(stage.rig, stage.names)),
        list(waiting(stage.rig, stage.names)),
        stage.letters.letters,
        tuple(stage.kills),
        {each.name: frozenset(each.types) for each in scenario.subscribers},
        {
            each.name: _ends(each.behavior, retries) | scenario.ends.get(each.name, frozenset())
            for each in scenario.subscribers
        },
        frozenset(each.name for each in scenario.subscribers if each.behavior.failure == "reset"),
    )


def _ends(behavior: Behavior, retries: int) -> frozenset[str]:
    end = behavior.end(retries)
    # Only the first delivery receives the 410; the others are cancelled before.
    return frozenset({end, "endpoint_disabled"} if behavior.failure == GONE else {end})


def _log(stage: Stage, worker: Worker) -> Iterator[dict[str, Any]]:
    """Yield a worker's warnings and errors, and lines that are not log events."""
    for line in stage.rig.log(worker.number).read_text(errors="replace").splitlines():
        if not line.startswith("{"):
            yield {"level": "plain", "event": line}
            continue
        found = json.loads(line)
        if found["level"] != "info":
            yield found
