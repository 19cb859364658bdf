"""Sender port: one POST to one target, and its limits.

There are two ways to send. `Sender.post` is the simple one. `Sender.start` is for the hot path: it
creates no task and no future, takes a head whose constant part is encoded once per endpoint, and
calls back.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Protocol

from plaudit.transport.addresses import Target
from plaudit.transport.answer import Answer
from plaudit.transport.errors import Phase, TotalTimeout, TransportError
from plaudit.transport.progress import OnDone
from plaudit.transport.request_head import Headers, request_prefix


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Time limits of the phases of an exchange, in seconds.

    The total covers everything, including the wait for a free connection and a slowly trickling
    answer. No time-out fires early; all may fire slightly late (`deadlines.TICK_S`).
    """

    dns_s: float = 5.0
    connect_s: float = 5.0
    tls_s: float = 5.0
    write_s: float = 5.0
    first_byte_s: float = 15.0
    total_s: float = 20.0


@dataclass(frozen=True, slots=True)
class Caps:
    """Limits on the size of an answer, in bytes.

    Attributes:
        head_bytes: status line and headers, interim answers included; more is malformed.
        read_bytes: bytes of the body; after them the connection is closed and the answer counts as
            read.
        kept_bytes: bytes of the body that `Answer.snippet` keeps.
    """

    head_bytes: int = 32 * 1024
    read_bytes: int = 64 * 1024
    kept_bytes: int = 4 * 1024


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """Limits on open connections.

    Each owner has its own limit and queue for each origin, so that a hanging origin fills only that
    queue.

    Attributes:
        per_origin: connections of one owner to one origin, busy and idle; further requests wait in
            order.
        idle_total: idle connections of all owners together; above it, the longest idle ones of
            owners above their share are closed.
        idle_s: seconds after which an idle connection is closed.
        age_s: seconds after which a connection is not used again, so that changed DNS takes effect.
    """

    per_origin: int = 64
    idle_total: int = 2_048
    idle_s: float = 30.0
    age_s: float = 300.0


class ExchangeHandle(Protocol):
    """Caller's handle of an exchange under way."""

    @property
    def phase(self) -> Phase:
        """Current phase."""
        ...

    @property
    def sent(self) -> bool:
        """Whether a part of the request, or all, may have reached the server."""
        ...

    def cancel(self, error: TransportError) -> None:
        """End the exchange now: `on_done` receives `error`, with `sent` and `timings` filled in.

        `on_done` has run when this returns. The connection is closed, or the exchange leaves the
        queue. An exchange that has ended is not changed.
        """
        ...


class Sender(ABC):
    """Sends POSTs from the event loop in which it was created."""

    @abstractmethod
    def start(
        self,
        target: Target,
        prefix: bytes,
        lines: bytes,
        body: bytes,
        on_done: OnDone,
        owner: str = "",
    ) -> ExchangeHandle:
        """Start a POST; `on_done` is called exactly once, never before this returns.

        The request is `prefix`, `lines`, `content-length`, an empty line and `body`, in one write.
        They are sent unchecked.

        Args:
            target: result of `check_url`; the address policy is applied when connecting.
            prefix: result of `request_prefix` for this target; reuse it for each request to the
                endpoint.
            lines: headers of this request, each ended by CRLF: the result of `header_lines`, or
                written by a caller that ensures that no value contains CR, LF or NUL.
            body: the request's body; its length is the `content-length`.
            on_done: receives the answer, with any status (redirects are not followed), or the
                error, whose class names the stage.
            owner: name of the request's owner. Owners do not share connections, and share name
                look-ups fairly.
        """

    @abstractmethod
    async def aclose(self) -> None:
        """Close every connection; exchanges under way end with `ConnectionLost`.

        When it returns, all connections, file descriptors, timers and tasks of the sender are
        closed.
        """

    async def post(
        self, target: Target, headers: Headers, body: bytes, method: bytes = b"POST"
    ) -> Answer:
        """POST `body` and return the answer.

        Args:
            target: result of `check_url`.
            headers: names and values to send, without any of `request_head.OURS`.
            body: the request's body.
            method: a method other than POST, for general clients.

        Raises:
            TransportError: no complete answer; the class names the stage.
        """
        ended: asyncio.Future[Answer | TransportError] = asyncio.get_running_loop().create_future()

        def end(result: Answer | TransportError) -> None:
            if not ended.done():
                ended.set_result(result)

        exchange = self.start(target, request_prefix(target, headers, method), b"", body, end)
        try:
            result = await ended
        except asyncio.CancelledError:
            exchange.cancel(TotalTimeout(phase=exchange.phase, sent=exchange.sent))
            raise
        if isinstance(result, TransportError):
            raise result
        return result
