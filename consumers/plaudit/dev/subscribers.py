"""Sample subscribers: one accepts, one fails at first, and one always fails.

A thread serves them over HTTP on loopback. Each records its own requests.
"""

from __future__ import annotations

import socket
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from plaudit.dev.receiving import NotVerified, verify
from plaudit.kafka.waiting import ask_until

if TYPE_CHECKING:
    from typing import Self

NAMES: Final = ("good", "flaky", "broken")
_START_S: Final = 10.0


@dataclass
class ReceivedRequests:
    """Requests that one subscriber received.

    Attributes:
        requests: number of requests.
        accepted: number of 200 responses for each webhook-id.
        refused: number of requests with a wrong signature.
    """

    requests: int = 0
    accepted: Counter[str] = field(default_factory=Counter)
    seen: Counter[str] = field(default_factory=Counter)
    refused: int = 0

    @property
    def delivered(self) -> int:
        """Number of distinct accepted events."""
        return len(self.accepted)

    @property
    def doubled(self) -> int:
        """Number of repeated deliveries of accepted events."""
        return self.accepted.total() - len(self.accepted)


class Subscribers:
    """Serves all three; start it, then set the secrets."""

    def __init__(self) -> None:
        self.received: Mapping[str, ReceivedRequests] = {name: ReceivedRequests() for name in NAMES}
        self._secrets: dict[str, str] = {}
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=1024)
        app = Starlette(routes=[Route("/{name}", self._receive, methods=["POST"])])
        config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, args=([self._socket],), name="subscribers", daemon=True
        )

    def url(self, name: str) -> str:
        """Return the URL of a subscriber."""
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}/{name}"

    def set_secret(self, name: str, secret: str) -> None:
        """Set the secret of a subscriber, which refuses all requests until then."""
        self._secrets[name] = secret

    def __enter__(self) -> Self:
        self._thread.start()
        ask_until(lambda: self._server.started, _START_S, every_s=0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()

    async def _receive(self, request: Request) -> PlainTextResponse:
        name = request.path_params["name"]
        received = self.received.get(name)
        if received is None:
            return PlainTextResponse("unknown path", 404)
        body = await request.body()
        received.requests += 1
        try:
            message_id = verify(self._secrets.get(name, ""), request.headers, body)
        except (NotVerified, ValueError):
            received.refused += 1
            return PlainTextResponse("not verified", 400)
        received.seen[message_id] += 1
        if name == "broken" or (name == "flaky" and received.seen[message_id] == 1):
            return PlainTextResponse("something broke", 500)
        received.accepted[message_id] += 1
        return PlainTextResponse("ok")
