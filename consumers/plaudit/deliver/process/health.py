"""`/metrics`, `/healthz` and `/readyz`, served from a thread of their own."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, Final, Protocol
from wsgiref.simple_server import WSGIRequestHandler, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from plaudit.deliver.process.metrics import WorkerCollector
from plaudit.deliver.worker import Worker

STUCK_AFTER_S: Final = 10.0
SOURCE_STUCK_AFTER_S: Final = 60.0
STALE_AFTER_S: Final = 10.0

_StartResponse = Callable[[str, list[tuple[str, str]]], object]
_App = Callable[[dict[str, Any], _StartResponse], Iterable[bytes]]


class Subject(Protocol):
    """What a process says of itself to those who watch it."""

    registry: CollectorRegistry

    def stuck(self) -> list[str]:
        """Return what makes no progress; empty while all is well, brokers away included."""
        ...

    def unready(self) -> list[str]:
        """Return what is missing before it can work; empty when nothing is."""
        ...


class Health:
    """Says how a worker is; it answers before there is one, too."""

    def __init__(self) -> None:
        self._worker: Worker | None = None
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)

    def watch(self, worker: Worker) -> None:
        """Speak of this worker from now on."""
        self._worker = worker
        self.registry.register(WorkerCollector(worker))

    def stuck(self) -> list[str]:
        """Return what makes no progress; empty while all is well, brokers away included."""
        worker = self._worker
        if worker is None:
            return []
        now = time.monotonic()
        found = []
        if now - worker.ticked_at > STUCK_AFTER_S:
            found.append("the event loop makes no progress")
        found += [
            f"the source of the {each.lane.name} lane makes no progress"
            for each in worker.lanes
            if now - each.source.read_at > SOURCE_STUCK_AFTER_S
        ]
        return found

    def unready(self) -> list[str]:
        """Return what is missing before the worker can deliver; empty when nothing is."""
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
        if worker.settler.trouble is not None:
            found.append(f"writes fail: {worker.settler.trouble}")
        return [*found, *self.stuck()]


class HealthServer:
    """Serves a `Subject` over HTTP.

    Args:
        health: what to say.
        host: address to bind to.
        port: 0 takes any free one.

    Raises:
        OSError: the port can't be bound.
    """

    def __init__(self, health: Subject, host: str, port: int) -> None:
        self._server = make_server(host, port, _app(health), handler_class=_Quiet)
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="metrics", daemon=True
        )
        self._thread.start()

    @property
    def port(self) -> int:
        """The port that is bound."""
        return int(self._server.server_port)

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Quiet(WSGIRequestHandler):
    # A client that connects and sends nothing must not keep others waiting for long.
    timeout = 5

    def log_message(self, *_: object) -> None:
        """Scrapes are no news."""


def _app(health: Subject) -> _App:
    metrics = make_wsgi_app(health.registry)

    def app(environ: dict[str, Any], start: _StartResponse) -> Iterable[bytes]:
        match environ["PATH_INFO"]:
            case "/metrics":
                answer: Iterable[bytes] = metrics(environ, start)
                return answer
            case "/healthz":
                return _say(start, health.stuck())
            case "/readyz":
                return _say(start, health.unready())
            case _:
                start("404 Not Found", [("content-type", "text/plain")])
                return [b"/metrics, /healthz and /readyz are here\n"]

    return app


def _say(start: _StartResponse, problems: list[str]) -> list[bytes]:
    status = "503 Service Unavailable" if problems else "200 OK"
    start(status, [("content-type", "application/json")])
    return [json.dumps({"ok": not problems, "problems": problems}).encode() + b"\n"]
