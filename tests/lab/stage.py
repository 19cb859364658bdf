"""Stage of a scenario: an installation, its subscribers and its workers."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from bench.machine import cpu_s
from e2e.rig import PLAUDIT, Rig
from lab.evidence import Killed
from lab.groups import Groups
from lab.publishing import Publishing
from lab.scenario import Crew, Scenario
from lab.subscribers import TESTS, Subscribers
from lab.topics import LettersTail
from plaudit.dev.kafka import LocalKafka
from plaudit.kafka.settings import KafkaSettings

WEDGEABLE: Final = (sys.executable, str(TESTS / "lab" / "wedgeable.py"))
END_S: Final = 40.0
WARM_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class Place:
    """Brokers and a folder for a scenario.

    Attributes:
        settings: connection of a user with all permissions; the topics exist.
        folder: folder for logs and the report.
        cluster: brokers that the scenario may kill; None if they are shared.
        environment: settings of the workers, which may have another user.
    """

    settings: KafkaSettings
    folder: Path
    cluster: LocalKafka | None = None
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Worker:
    """A running or ended worker.

    Attributes:
        crew: its entry in the scenario.
        began_ms: start in epoch milliseconds.
        ended_ms: when it was last seen alive.
        ended: whether a fault ended it, so that its end is expected.
        first_mib: resident memory after some time; 0 if it ended before.
        last_mib: latest resident memory.
        most_mib: peak of its resident memory.
        cpu_s: CPU time of all threads.
    """

    number: int
    crew: Crew
    process: subprocess.Popen[bytes]
    began_ms: int
    ended_ms: int
    ended: bool = False
    first_mib: float = 0.0
    last_mib: float = 0.0
    most_mib: float = 0.0
    cpu_s: float = 0.0

    @property
    def client_id(self) -> str:
        """Its `client.id`."""
        return client_id(self.number)

    def look(self) -> None:
        """Measure its memory and CPU time, if it is alive."""
        if self.process.poll() is not None:
            return
        self.ended_ms = now_ms()
        try:
            text = Path(f"/proc/{self.process.pid}/status").read_text()
            self.cpu_s = cpu_s(self.process.pid)
        except FileNotFoundError:
            return
        for line in text.splitlines():
            if line.startswith("VmRSS:"):
                self.last_mib = int(line.split()[1]) / 1_024
                self.most_mib = max(self.most_mib, self.last_mib)
                if self.ended_ms - self.began_ms > WARM_MS:
                    self.first_mib = self.first_mib or self.last_mib

    @property
    def memory(self) -> str:
        """Its resident memory, as text."""
        warm = f"{self.first_mib:.0f} MiB after a minute, " if self.first_mib else ""
        return f"{warm}{self.last_mib:.0f} MiB at the end, {self.most_mib:.0f} at most"


def client_id(number: int) -> str:
    """Return the `client.id` of a worker."""
    return f"worker-{number}"


class Stage:
    """Objects on which a scenario's faults act.

    Attributes:
        rig: the installation.
        workers: workers by number, including ended ones.
        names: names of the subscribers, by endpoint id.
        marks: incidents with their times, for the timeline.
        kills: killed workers, with the commits at that time.
    """

    def __init__(self, scenario: Scenario, place: Place) -> None:
        self.scenario = scenario
        self.place = place
        self.workers: list[Worker] = []
        self.names: dict[str, str] = {}
        self.marks: list[tuple[int, str]] = []
        self.kills: list[Killed] = []
        self.began = time.monotonic()
        self.began_ms = now_ms()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        place, scenario = self.place, self.scenario
        self.groups = Groups(place.settings)
        self.rig = self._stack.enter_context(Rig(place.settings, place.folder))
        self.subscribers = self._stack.enter_context(Subscribers(place.folder))
        self.register()
        self.publishing = self.publisher()
        self.letters = LettersTail(place.settings, self.names)
        self._stack.callback(self.letters.close)
        for crew in scenario.crew:
            self.join(crew)
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.workers:
            if worker.process.poll() is None:
                worker.process.send_signal(signal.SIGCONT)
        self.publishing.stop()
        self._stack.close()

    def register(self) -> None:
        """Register the subscribers' endpoints, and start to answer."""
        for each in self.scenario.subscribers:
            url = self.subscribers.url(each.name)
            endpoint = self.rig.endpoint(url, event_types=list(each.types), **each.given)
            self.subscribers.settle(each.name, each.behavior, self.rig.secrets[endpoint])
            self.names[endpoint] = each.name

    def publisher(self) -> Publishing:
        """Return the publisher of the scenario's events."""
        return Publishing(self.rig, self.scenario.traffic)

    def join(self, crew: Crew) -> Worker:
        """Start a worker."""
        number = len(self.workers)
        environment = {
            "PLAUDIT_KAFKA_CLIENT_ID": client_id(number),
            "PLAUDIT_LOG_ATTEMPTS": "none",
            **self.place.environment,
            **crew.environment,
        }
        lane = ("--lane", crew.lane) if crew.lane else ()
        program = WEDGEABLE if crew.wedgeable else crew.program or (PLAUDIT,)
        process = self.rig.process("deliver", *lane, program=program, **environment)
        worker = Worker(number, crew, process, now_ms(), now_ms())
        self.workers.append(worker)
        return worker

    def serves(self, number: int) -> bool:
        """Return whether a worker has logged assignments in both lanes."""
        given = [
            partition
            for line in self.rig.logged("partitions.assigned", number)
            for partition in line["partitions"]
        ]
        retries = [each.startswith(self.rig.settings.names.deliveries_prefix) for each in given]
        return any(retries) and not all(retries)

    def mark(self, text: str) -> None:
        """Add an incident to the timeline."""
        self.marks.append((now_ms(), text))

    @property
    def cluster(self) -> LocalKafka:
        """Brokers that the scenario may kill."""
        assert self.place.cluster is not None, "these brokers are not ours to kill"
        return self.place.cluster

    def kill(self, number: int) -> None:
        """Send SIGKILL to a worker, and query its commits."""
        worker = self.workers[number]
        held = self.groups.held_by(worker.client_id)
        worker.ended = True
        worker.process.kill()
        worker.process.wait()
        at_ms = worker.ended_ms = now_ms()
        self.kills.append(Killed(at_ms, worker.process.pid, self.groups.committed(held)))

    def wedge(self, number: int, within_s: float) -> None:
        """Block a worker's event loop, and wait until the worker exits, as if killed."""
        worker = self.workers[number]
        held = self.groups.held_by(worker.client_id)
        worker.process.send_signal(signal.SIGUSR1)
        worker.process.wait(within_s)
        at_ms = worker.ended_ms = now_ms()
        self.kills.append(Killed(at_ms, worker.process.pid, self.groups.committed(held)))

    def leave(self, number: int) -> None:
        """Send SIGTERM to a worker, and wait for its end."""
        worker = self.workers[number]
        worker.look()
        worker.ended = True
        code = self.rig.stop(worker.process, END_S)
        assert code == 0, f"worker {number} left with exit code {code}"


def now_ms() -> int:
    """Return the time in epoch milliseconds."""
    return int(time.time() * 1_000)
