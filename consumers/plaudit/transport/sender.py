"""The port: one POST to one target, and what bounds it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from plaudit.transport.addresses import Target
from plaudit.transport.answer import Answer

Headers = Sequence[tuple[bytes, bytes]]

OURS = frozenset((b"host", b"content-length", b"transfer-encoding", b"connection", b"expect"))
"""Header names, in lower case, that the transport writes itself and refuses from callers."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long each phase of an exchange may take, in seconds.

    The total holds for everything, waiting for a free connection and an answer that trickles
    included.
    """

    dns_s: float = 5.0
    connect_s: float = 5.0
    tls_s: float = 5.0
    write_s: float = 5.0
    first_byte_s: float = 15.0
    total_s: float = 20.0


@dataclass(frozen=True, slots=True)
class Caps:
    """How much of an answer is taken in, in bytes.

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
    """What is kept open.

    Each origin has its own limit and its own queue: one that hangs can fill its own only.

    Attributes:
        per_origin: connections to one origin, busy and idle; further requests wait in order.
        idle_total: idle connections to all origins together; the longest idle go first.
        idle_s: an idle connection is closed after this.
        age_s: a connection is not used again after this, so that changed DNS takes hold.
    """

    per_origin: int = 64
    idle_total: int = 2_048
    idle_s: float = 30.0
    age_s: float = 300.0


class Sender(Protocol):
    """Sends POSTs from one event loop."""

    async def post(self, target: Target, headers: Headers, body: bytes) -> Answer:
        """POST `body` and return the answer, whatever its status; redirects are not followed.

        Args:
            target: from `check_url`; the address policy is applied when connecting.
            headers: names and values as they go on the wire. The transport adds those of
                `OURS` that are needed.
            body: sent with its `content-length`.

        Raises:
            TransportError: no complete answer; the class says at which stage.
        """
        ...

    async def aclose(self) -> None:
        """Close every connection; exchanges under way end with `ConnectionLost`."""
        ...
