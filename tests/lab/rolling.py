"""An installation whose processes are replaced one by one, and the traffic meanwhile."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import psycopg
import sqlalchemy as sa

from e2e.rig import Rig, free_port, ready
from lab.scenario import APPROVED
from plaudit.outbox import enqueue
from plaudit.store.db.database import connect
from plaudit.store.db.tables import ATTEMPTS
from waiting import LOOK_EVERY_S, PROMPTLY_S, until

EVERY_S: Final = 0.03
END_S: Final = 45.0
TOPICS: Final = """
[events]
partitions = 4
[deliveries]
partitions = 4
[attempts]
partitions = 2
[dead_letters]
partitions = 2
"""
ROLES: Final[Mapping[str, Sequence[str]]] = {
    "deliver": ("deliver",),
    "record": ("record",),
    "serve": ("serve",),
    "relay": ("outbox", "relay"),
}
PORTS: Final[Mapping[str, str]] = {
    "serve": "PLAUDIT_API_PORT",
    "relay": "PLAUDIT_OUTBOX_METRICS_PORT",
}
"""Variable of the port with `/readyz`, where it is not that of the metrics."""


@dataclass(frozen=True, slots=True)
class Member:
    """A running process of a role."""

    number: int
    process: subprocess.Popen[bytes]
    base: str


@dataclass
class Rolling:
    """Processes of two releases.

    Attributes:
        rig: topics, endpoints and logs.
        database: URL of the database, for SQLAlchemy.
        members: running processes by role.
    """

    rig: Rig
    database: str
    members: dict[str, list[Member]] = field(default_factory=lambda: {role: [] for role in ROLES})

    @property
    def outbox(self) -> str:
        """URL of the outbox, which is in the same database."""
        return self.database.replace("+psycopg", "")

    @property
    def environment(self) -> dict[str, str]:
        """Settings of every process."""
        declaration = self.rig.folder / "topics.toml"
        declaration.write_text(TOPICS)
        return {
            **self.rig.environment,
            "PLAUDIT_DATABASE_URL": self.database,
            "PLAUDIT_OUTBOX_URL": self.outbox,
            "PLAUDIT_TOPICS_FILE": str(declaration),
            "PLAUDIT_LOG_ATTEMPTS": "none",
        }

    def run(self, program: Path, *words: str) -> str:
        """Run a command of a release to its end; return what it printed."""
        done = subprocess.run(
            [program, *words], env=self.environment, capture_output=True, text=True,
            timeout=PROMPTLY_S, check=False,
        )  # fmt: skip
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout

    def prepare(self, program: Path) -> None:
        """Do with a release what precedes its processes."""
        self.run(program, "topics", "apply", "--single-node")
        self.run(program, "schemas", "register")
        self.run(program, "db", "migrate")

    def start(self, role: str, program: Path) -> Member:
        """Start a process, and wait until it is ready, or logs that it waits for others."""
        number, port = len(self.rig.workers), free_port()
        given = {PORTS.get(role, "PLAUDIT_METRICS_PORT"): str(port)}
        process = self.rig.process(
            *ROLES[role], program=(program,), **{**self.environment, **given}
        )
        member = Member(number, process, f"http://127.0.0.1:{port}")
        self.members[role].append(member)

        def is_up() -> bool:
            assert process.poll() is None, self.rig.log(number).read_text()
            return ready(member.base) == 200 or bool(self.rig.logged("group.refused", number))

        until(is_up, f"{role} of {program} is ready")
        return member

    def replace(self, role: str, program: Path) -> None:
        """Replace each process of a role, as a Deployment does: start one, then stop one."""
        for old in tuple(self.members[role]):
            self.start(role, program)
            code = self.rig.stop(old.process, END_S)
            assert code == 0, self.rig.log(old.number).read_text()[-2_000:]
            # Only now: a caller learns from the refused connection that it has left.
            self.members[role].remove(old)

    def recorded(self) -> Counter[str]:
        """Count the rows of the delivery log by event."""
        engine = connect(self.database)
        query = sa.select(ATTEMPTS.c.event_id, sa.func.count()).group_by(ATTEMPTS.c.event_id)
        with engine.connect() as connection:
            found = Counter({str(row[0]): int(row[1]) for row in connection.execute(query)})
        engine.dispose()
        return found


@dataclass
class Callers:
    """A service that publishes over the API, and one that writes to an outbox.

    Attributes:
        accepted: ids of the events that were answered with 202, or committed.
        failures: other answers, and connections that broke.
        refused: number of connections that were refused, and tried elsewhere.
    """

    rolling: Rolling
    key: str
    accepted: set[str] = field(default_factory=set)
    failures: list[str] = field(default_factory=list)
    refused: int = 0
    _ended: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Publish both ways while the block runs."""
        threads = [
            threading.Thread(target=self._repeat, args=(each,))
            for each in (self._post, self._enqueue)
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._ended.set()
            for thread in threads:
                thread.join(PROMPTLY_S)

    def go_on(self, count: int) -> None:
        """Wait until this many more events are accepted."""
        before = len(self.accepted)
        until(lambda: len(self.accepted) >= before + count, f"{count} more events")

    def _repeat(self, act: Callable[[], str]) -> None:
        while not self._ended.wait(EVERY_S):
            try:
                self.accepted.add(act())
            except (httpx.HTTPError, psycopg.Error, AssertionError) as error:
                self.failures.append(f"{type(error).__name__}: {error}")

    def _post(self) -> str:
        """Publish an event over the API; a refused connection is tried at another process."""
        event = self.rolling.rig.event()
        body: dict[str, Any] = {"type": APPROVED, "data": json.loads(event.model_dump_json())}
        deadline = time.monotonic() + PROMPTLY_S
        while True:
            for member in tuple(self.rolling.members["serve"]):
                try:
                    answer = httpx.post(
                        f"{member.base}/v1/events", json=body, timeout=30,
                        headers={"authorization": f"Bearer {self.key}"},
                    )  # fmt: skip
                except httpx.ConnectError:
                    self.refused += 1
                    continue
                assert answer.status_code == 202, answer.text
                return str(event.meta.event_id)
            assert time.monotonic() < deadline, "every process refuses connections"
            time.sleep(LOOK_EVERY_S)

    def _enqueue(self) -> str:
        event = self.rolling.rig.event()
        with psycopg.connect(self.rolling.outbox) as connection:
            enqueue(connection, event, source="/services/rolling")
        return str(event.meta.event_id)
