"""Behavior of toxic subscribers, whose requests count as not answered."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Final, assert_never

from lab.scenario import Toxic

RESET: Final = struct.pack("ii", 1, 0)
HEAD: Final = b"HTTP/1.1 200 OK\r\n"
FAILED: Final = b"HTTP/1.1 500 No\r\ncontent-length: 10000000000\r\n\r\n"
DRIP_S: Final = 0.1
FLOOD: Final = 256 * 1024
"""Number of bytes; more than a worker reads of a head or a body."""


def poison(transport: asyncio.Transport, toxic: Toxic) -> None:
    """Apply a toxic to a connection.

    Args:
        transport: on which a whole request came.
        toxic: `hang`: silence. `reset`: RST. `cut`: the end in the middle of a body. `trickle`: a
            body that comes a byte at a time, for ever. `huge`: a 500 with gigabytes. `endless`:
            headers without end. `garbage`: no HTTP.
    """
    match toxic:
        case "hang":
            pass
        case "reset":
            linger = transport.get_extra_info("socket")
            linger.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            transport.abort()
        case "cut":
            transport.write(HEAD + b"content-length: 100\r\n\r\nhalf")
            transport.close()
        case "trickle":
            transport.write(HEAD + b"content-length: 10000000\r\n\r\n")
            _drip(transport)
        case "huge":
            transport.write(FAILED + b"x" * FLOOD)
        case "endless":
            transport.write(HEAD + b"x: y\r\n" * (FLOOD // 6))
        case "garbage":
            transport.write(b"SSH-2.0-OpenSSH_9.9\r\n\r\n")
        case _:
            assert_never(toxic)


def _drip(transport: asyncio.Transport) -> None:
    """Write a byte now and then, until the other side closes the connection."""
    if not transport.is_closing():
        transport.write(b"x")
        asyncio.get_running_loop().call_later(DRIP_S, _drip, transport)
