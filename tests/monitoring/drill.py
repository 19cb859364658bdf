"""An installation that Prometheus scrapes, and the times at which its alerts fire and end."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

import httpx
import psycopg
from aiohttp import web

from conftest import apply_topics
from e2e.rig import PLAUDIT, Rig, free_port, ready
from e2e.sink import Sink
from lab.rolling import TOPICS
from monitoring.prometheus_server import PrometheusServer
from plaudit.dev.kafka import LocalKafka
from plaudit.events.models.event import EventModel
from plaudit.kafka.admin.topics import Admin
from plaudit.kafka.errors import KafkaFailure
from plaudit.kafka.settings import KafkaSettings
from plaudit.outbox import enqueue
from plaudit.outbox.table import ddl
from plaudit.publish import Publisher
from postgres import LocalPostgres
from waiting import PROMPTLY_S, until

FAULTY: Final = Path(__file__).with_name("faulty_process.py")
ENDPOINTS: Final = 4
EVERY_S: Final = 0.2
PER_S: Final = 10.0
ROLES: Final[Mapping[str, tuple[str, ...]]] = {
    "deliver": ("deliver",),
    "record": ("record",),
    "serve": ("serve",),
    "relay": ("outbox", "relay"),
    "second": ("deliver",),
}


def faulty(patch: str) -> tuple[str | Path, ...]:
    """Return the program with a patch of `faulty_process`."""
    return (sys.executable, FAULTY, patch)


PROGRAMS: Final[Mapping[str, tuple[str | Path, ...]]] = {"record": faulty("looks-often")}
"""Roles that run with a patch also when nothing is wrong."""


MAIN: Final = ("deliver", "record", "serve", "relay")


@dataclass(slots=True)
class Row:
    """A line of the table: an alert of a fault, with seconds.

    Attributes:
        ended_s: from the operator's step to its end; None while it is awaited.
    """

    fault: str
    alert: str
    fired_s: float
    step: str = ""
    ended_s: float | None = None


@dataclass
class Scene:
    """A fault that is being watched.

    Attributes:
        fault: what happened, in words.
        rows: alerts that it raised.
    """

    prometheus: PrometheusServer
    fault: str
    began: float = field(default_factory=time.monotonic)
    rows: list[Row] = field(default_factory=list)
    _acted: float = 0.0

    def fires(self, *names: str, within_s: float = PROMPTLY_S) -> None:
        """Wait until these alerts have fired, each at least once."""

        def note(name: str) -> None:
            self.rows.append(Row(self.fault, name, time.monotonic() - self.began))

        self._wait(names, note, fires=True, within_s=within_s)

    def act(self, step: str) -> None:
        """Note that the operator has done what the runbook says."""
        self._acted = time.monotonic()
        for row in self.rows:
            row.step = step

    def ends(self, *names: str, within_s: float = PROMPTLY_S) -> None:
        """Wait until these alerts do not fire."""

        def note(name: str) -> None:
            for row in self.rows:
                if row.alert == name:
                    row.ended_s = time.monotonic() - self._acted

        self._wait(names, note, fires=False, within_s=within_s)

    def _wait(
        self, names: Collection[str], note: Callable[[str], None], *, fires: bool, within_s: float
    ) -> None:
        """Wait until each alert was seen firing, or silent; note each when it is."""
        missing = set(names)

        def look() -> bool:
            firing = self.prometheus.firing()
            for name in sorted(missing):
                if (name in firing) is fires:
                    missing.discard(name)
                    note(name)
            return not missing

        deadline = time.monotonic() + within_s
        while not look():
            late = time.monotonic() > deadline
            assert not late, f"{sorted(missing)}: not {fires=} within {within_s:g} s: {self.fault}"
            time.sleep(EVERY_S)


@dataclass
class Drill:
    """An installation of every role, with steady traffic.

    Attributes:
        status: what every endpoint answers.
        rows: the table so far.
    """

    broker: LocalKafka
    postgres: LocalPostgres
    folder: Path
    prefix: str
    status: int = 200
    rows: list[Row] = field(default_factory=list)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    _stack: ExitStack = field(default_factory=ExitStack)
    _quiet: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self.settings = KafkaSettings(
            bootstrap_servers=self.broker.bootstrap,
            topic_prefix=self.prefix,
            retry_schedule="1s,2s",
        )
        (self.folder / "topics.toml").write_text(TOPICS)
        apply_topics(self.settings, single_node=False)
        self.database = self.postgres.new_database()
        self.ports = {role: free_port() for role in ROLES}
        self.api_port = free_port()
        self.sink = self._stack.enter_context(Sink())
        self.rig = self._stack.enter_context(Rig(self.settings, self.folder))
        self.environment = {
            **self.rig.environment,
            "PLAUDIT_DATABASE_URL": self.postgres.url(self.database),
            "PLAUDIT_OUTBOX_URL": self.outbox,
            "PLAUDIT_API_PORT": str(self.api_port),
            "PLAUDIT_LOG_ATTEMPTS": "none",
            "PLAUDIT_TOTAL_TIMEOUT": "2",
            "PLAUDIT_TOPICS_FILE": str(self.folder / "topics.toml"),
        }
        self.run("db", "migrate")
        self.sql(ddl("postgresql"))
        for number in range(ENDPOINTS):
            url = self.sink.on(f"hook{number}", self._answer)
            self.run("endpoints", "add", url, "--workspace", self.rig.workspace)
        for role in MAIN:
            self.start(role)
        publishing = threading.Thread(target=self._publish)
        publishing.start()
        self._stack.callback(publishing.join)
        self._stack.callback(self._quiet.set)
        until(lambda: bool(self.sink.arrivals), "the first delivery")
        until(lambda: ready(self.api) == 200, "the API is ready")
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def watched_by(self, prometheus: PrometheusServer) -> None:
        """Name the Prometheus that scenes ask."""
        self.prometheus = prometheus

    @property
    def outbox(self) -> str:
        """URL of the service's database."""
        return self.postgres.url(self.database, "postgresql")

    @property
    def api(self) -> str:
        """Address of the API."""
        return f"http://127.0.0.1:{self.api_port}"

    @contextmanager
    def scene(self, fault: str) -> Iterator[Scene]:
        """Watch a fault that begins now, and keep its rows also when the scene fails."""
        scene = Scene(self.prometheus, fault)
        try:
            yield scene
        finally:
            self.rows += scene.rows

    def restore(self) -> None:
        """Mend what a scene that failed has left broken."""
        self.status = 200
        self.broker.start()
        if not self.postgres.running:
            self.postgres.start()
        for role in MAIN:
            process = self.processes[role]
            process.send_signal(signal.SIGCONT)
            if process.poll() is not None:
                self.start(role)
        if "second" in self.processes and self.processes["second"].poll() is None:
            self.stop("second")

    def start(
        self, role: str, *more: str, program: Sequence[str | Path] = (), **environment: str
    ) -> None:
        """Start a process, whose metrics are on the port of its role."""
        port = {"relay": "PLAUDIT_OUTBOX_METRICS_PORT"}.get(role, "PLAUDIT_METRICS_PORT")
        self.processes[role] = self.rig.process(
            *ROLES[role],
            *more,
            program=program or PROGRAMS.get(role, (PLAUDIT,)),
            **{**self.environment, port: str(self.ports[role]), **environment},
        )

    def stop(self, role: str) -> None:
        """Stop a process with SIGTERM."""
        self.rig.stop(self.processes[role], 40)

    def kill(self, role: str) -> None:
        """Stop a process with SIGKILL."""
        self.processes[role].kill()
        self.processes[role].wait()

    def status_now(self) -> dict[str, Any]:
        """Return what `plaudit status` says."""
        found: dict[str, Any] = json.loads(self.run("status", "--json", exits=(0, 1)))
        return found

    def blocked(self) -> list[str]:
        """Return the places of records that block their partitions, as `records unblock` takes."""
        return [
            f"{each['topic']}/{each['partition']}@{each['offset']}"
            for each in self.status_now()["blocked"]
        ]

    def run(self, *words: str, exits: Sequence[int] = (0,), **environment: str) -> str:
        """Run a command as an operator does; return what it printed."""
        done = subprocess.run(
            [PLAUDIT, *words], env={**self.environment, **environment},
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode in exits, (words, done.stdout, done.stderr)
        return done.stdout

    def sql(self, statement: str) -> None:
        """Run a statement in the service's database."""
        with psycopg.connect(self.outbox) as connection:
            connection.execute(statement.encode())

    def enqueue(self, *events: EventModel) -> None:
        """Write events into the service's outbox."""
        with psycopg.connect(self.outbox) as connection:
            for event in events:
                enqueue(connection, event, source="/services/drill")

    def configure(self, topic: str, **config: str) -> None:
        """Change the configuration of a topic, as an operator does by mistake."""
        dotted = {name.replace("_", "."): value for name, value in config.items()}
        assert Admin(self.settings).configure(topic, dotted) is None

    def request(self, path: str) -> int:
        """Send a request to the API; return its status, 0 without an answer."""
        key = {"authorization": "Bearer plk_unknown"}
        try:
            return httpx.get(f"{self.api}{path}", headers=key, timeout=10).status_code
        except httpx.TransportError:
            return 0

    @contextmanager
    def asked(self) -> Iterator[None]:
        """Send requests to the API meanwhile; each looks for a key in the database."""
        ended = threading.Event()

        def ask() -> None:
            while not ended.wait(0.1):
                self.request("/v1/endpoints")

        thread = threading.Thread(target=ask)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def redrive(self) -> bool:
        """Redrive what is dead; return whether nothing died meanwhile."""
        self.run("dlq", "redrive", "--yes")
        alive: int = self.status_now()["dead_letters"]["deliveries"]["alive"]
        return alive == 0

    async def _answer(self, _: web.Request, __: int) -> web.StreamResponse:
        return web.Response(status=self.status)

    def _publish(self) -> None:
        """Publish steadily; a failure is of no interest here."""
        with suppress(KafkaFailure), Publisher(self.settings) as publisher:
            while not self._quiet.wait(1 / PER_S):
                with suppress(KafkaFailure):
                    publisher.publish_now(self.rig.event())

    def table(self) -> str:
        """Return the rows as a table of Markdown."""
        lines = ["| fault | alert | fires after | step | ends after |", "|---|---|---:|---|---:|"]
        for row in self.rows:
            ended = "" if row.ended_s is None else f"{row.ended_s:.0f} s"
            lines.append(
                f"| {row.fault} | `{row.alert}` | {row.fired_s:.0f} s | {row.step} | {ended} |"
            )
        return "\n".join(lines)
