"""HTTP server of `/metrics`, `/healthz` and `/readyz`, in a thread of its own.

Probes and scrapes are small, and anything on the network may connect. One event loop serves all
connections at once. A connection that sends nothing costs a socket for some seconds. When there are
too many, the server closes the one that has waited longest.
"""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final, NamedTuple, Protocol
from urllib.parse import parse_qs

from prometheus_client import CollectorRegistry, make_wsgi_app

HEAD_S: Final = 5.0
"""Seconds in which a request has to arrive."""
ANSWER_S: Final = 10.0
"""Seconds in which a client has to take its answer."""
LONGEST_HEAD: Final = 16 * 1024
"""Bytes of a request; Prometheus sends about 300."""
MOST_WAITING: Final = 256
"""Connections whose request is still to come. A scraper and a few probes need ten."""
MOST_ANSWERING: Final = 64
"""Requests that are answered at once; further ones get 503. A supervisor asks its workers, which
takes seconds when one of them hangs."""

_StartResponse = Callable[[str, list[tuple[str, str]]], object]
_App = Callable[[dict[str, Any], _StartResponse], Iterable[bytes]]


class Subject(Protocol):
    """Health and metrics of a process."""

    registry: CollectorRegistry

    def stuck(self) -> list[str]:
        """Return the parts that make no progress; unavailable brokers do not count."""
        ...

    def unready(self) -> list[str]:
        """Return why the process can't work yet; empty if it can."""
        ...


Page = Callable[[Mapping[str, Sequence[str]]], tuple[HTTPStatus, bytes]]
"""Returns status and JSON for the parameters of a query."""


class Answer(NamedTuple):
    """A complete answer to a request."""

    status: str
    headers: list[tuple[str, str]]
    body: bytes


class HealthServer:
    """Serves a `Subject` over HTTP.

    Args:
        health: health and metrics to serve.
        host: address to bind to.
        port: port to bind; 0: any free one.
        pages: additional pages, by path.

    Attributes:
        port: the bound port.

    Raises:
        OSError: the port can't be bound.
    """

    def __init__(
        self, health: Subject, host: str, port: int, pages: Mapping[str, Page] | None = None
    ) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.create_server((host, port), family=family, backlog=MOST_WAITING)
        self.port = int(listening.getsockname()[1])
        self._app = _app(health, pages or {})
        self._waiting: dict[asyncio.StreamWriter, None] = {}
        self._answering = 0
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._thread = threading.Thread(
            target=self._run, args=(listening,), name="metrics", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop serving, and close open connections."""
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()

    def _run(self, listening: socket.socket) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve(listening))

    async def _serve(self, listening: socket.socket) -> None:
        server = await asyncio.start_server(self._connected, sock=listening, limit=LONGEST_HEAD)
        await self._stopping.wait()
        server.close()
        for writer in self._waiting:
            writer.transport.abort()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request, and close the connection."""
        try:
            answer = await self._answer(reader, writer)
            if answer is not None:
                writer.write(_encoded(answer))
                async with asyncio.timeout(ANSWER_S):
                    await writer.drain()
                    writer.close()
                    await writer.wait_closed()
        except (TimeoutError, OSError):
            pass  # the client went away, or does not read
        finally:
            writer.transport.abort()

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> Answer | None:
        """Return the response to a request; None if no request arrived in time."""
        self._waiting[writer] = None
        if len(self._waiting) > MOST_WAITING:
            next(iter(self._waiting)).transport.abort()
        try:
            async with asyncio.timeout(HEAD_S):
                head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError:
            return _said(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "at most 16 KiB\n")
        except (asyncio.IncompleteReadError, TimeoutError):
            return None
        finally:
            self._waiting.pop(writer, None)
        if self._answering >= MOST_ANSWERING:
            return _said(HTTPStatus.SERVICE_UNAVAILABLE, "too many requests at once\n")
        self._answering += 1
        try:
            return await asyncio.to_thread(respond, self._app, head)
        finally:
            self._answering -= 1


def respond(app: _App, head: bytes) -> Answer:
    """Return the response to a request, from its head."""
    first, *lines = head.decode("latin-1").split("\r\n")
    match first.split(" "):
        case ["GET" | "HEAD" as method, target, "HTTP/1.0" | "HTTP/1.1"]:
            pass
        case [_, _, "HTTP/1.0" | "HTTP/1.1"]:
            return _said(HTTPStatus.METHOD_NOT_ALLOWED, "GET and HEAD\n", ("allow", "GET, HEAD"))
        case _:
            return _said(HTTPStatus.BAD_REQUEST, "not an HTTP/1.1 request\n")
    path, _, query = target.partition("?")
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "QUERY_STRING": query}
    for line in lines:
        name, _, value = line.partition(":")
        if name.lower() in {"accept", "accept-encoding"}:
            environ[f"HTTP_{name.upper().replace('-', '_')}"] = value.strip()
    begun: list[tuple[str, list[tuple[str, str]]]] = []
    body = b"".join(app(environ, lambda status, headers: begun.append((status, headers))))
    status, headers = begun[-1]
    sized = [*headers, ("content-length", str(len(body)))]
    return Answer(status, sized, b"" if method == "HEAD" else body)


def _said(status: HTTPStatus, text: str, *headers: tuple[str, str]) -> Answer:
    body = text.encode()
    shown = [("content-type", "text/plain"), ("content-length", str(len(body))), *headers]
    return Answer(f"{status.value} {status.phrase}", shown, body)


def _encoded(answer: Answer) -> bytes:
    headers = [*answer.headers, ("connection", "close")]
    lines = [f"HTTP/1.1 {answer.status}", *(f"{name}: {value}" for name, value in headers)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + answer.body


def _app(health: Subject, pages: Mapping[str, Page]) -> _App:
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
            case path if path in pages:
                status, body = pages[path](parse_qs(environ["QUERY_STRING"]))
                start(f"{status.value} {status.phrase}", [("content-type", "application/json")])
                return [body]
            case _:
                start("404 Not Found", [("content-type", "text/plain")])
                return [b"/metrics, /healthz and /readyz are here\n"]

    return app


def _say(start: _StartResponse, problems: list[str]) -> list[bytes]:
    status = "503 Service Unavailable" if problems else "200 OK"
    start(status, [("content-type", "application/json")])
    return [json.dumps({"ok": not problems, "problems": problems}).encode() + b"\n"]
