"""Reading what a request brings, up to a limit."""

from __future__ import annotations

from typing import Final

from starlette.requests import ClientDisconnect
from starlette.types import Receive

from plaudit.api.problems import Refused

MOST_BYTES: Final = 8 * 1024 * 1024


async def read_body(receive: Receive) -> bytes:
    """Read a request's body.

    Raises:
        Refused: it is too large.
        ClientDisconnect: whoever sent it went away before its end.
    """
    read = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        read += message.get("body", b"")
        if len(read) > MOST_BYTES:
            raise Refused(413, f"at most {MOST_BYTES:,} bytes in a request")
        if not message.get("more_body", False):
            return bytes(read)
