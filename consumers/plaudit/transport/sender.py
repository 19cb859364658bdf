"""Sender port: one POST to one target, and its limits.

There are two ways to send. `Sender.post` is for everyone. `Sender.start` is for the hot path: it
makes no task and no future, takes a head of which the constant part was written once per endpoint,
and calls back.
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

    The total holds for everything, waiting for a free connection and an answer that trickles
    included. None ends early; all may end a little late (`timers.TICK_S`).
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
        read_bytes: of the body; then the connection is closed and the answer counts as read.
        kept_bytes: of the body, kept as `Answer.snippet`.
    """

    head_bytes: int = 32 * 1024
    read_bytes: int = 64 * 1024
    kept_bytes: int = 4 * 1024


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """Limits on open connections.

    Each owner has its own limit and its own queue for each origin: one that hangs fills its own.

    Attributes:
        per_origin: connections of one owner to one origin, busy and idle; further requests wait in
            order.
        idle_total: idle connections of all owners together; above it, owners with more than their
            share lose their longest idle ones.
        idle_s: an idle connection is closed after this.
        age_s: a connection is not used again after this, so that changed DNS takes hold.
    """

    per_origin: int = 64
    idle_total: int = 2_048
    idle_s: float = 30.0
    age_s: float = 300.0


class ExchangeHandle(Protocol):
    """An exchange under way, in its caller's hands."""

    @property
    def phase(self) -> Phase:
        """The one under way."""
        ...

    @property
    def sent(self) -> bool:
        """Whether a part of the request, or all, may have reached the other side."""
        ...

    def cancel(self, error: TransportError) -> None:
        """End the exchange now: `on_done` gets `error`, with `sent` and `timings` filled in.

        `on_done` has run when this returns. The connection is closed, or the place in the queue
        given up. An exchange that is over stays as it ended.
        """
        ...


class Sender(ABC):
    """Sends POSTs from one event loop, the one it was made in."""

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
        """Begin to POST; `on_done` is called exactly once, never before this returns.

        On the wire stand `prefix`, `lines`, `content-length`, an empty line and `body`, in one
        write. They are sent as they are: nothing here looks at them again.

        Args:
            target: from `check_url`; the address policy is applied when connecting.
            prefix: from `request_prefix` for this target; keep it for as long as the endpoint.
            lines: the headers of this request alone, each ended by CRLF: from `header_lines`,
                or written by a caller who knows that no value holds CR, LF or NUL.
            body: what is sent; its length is the `content-length`.
            on_done: gets the answer, whatever its status (redirects are not followed), or the
                error, whose class says at which stage there was none.
            owner: whose request it is: owners share no connections, and name look-ups fairly.
        """

    @abstractmethod
    async def aclose(self) -> None:
        """Close every connection; exchanges under way end with `ConnectionLost`.

        When it returns, no connection, file descriptor, timer or task of the sender is left.
        """

    async def post(
        self, target: Target, headers: Headers, body: bytes, method: bytes = b"POST"
    ) -> Answer:
        """POST `body` and return the answer; for those who can wait in a task of their own.

        Args:
            target: see `start`.
            headers: names and values to send, without any of `request_head.OURS`.
            body: see `start`.
            method: another one than POST, for clients of all kinds.

        Raises:
            TransportError: no complete answer; the class says at which stage.
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
