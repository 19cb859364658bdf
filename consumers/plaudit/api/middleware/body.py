"""Reading what a request brings, up to a limit."""

from __future__ import annotations

from typing import Final

from starlette.requests import ClientDisconnect
from starlette.types import Receive

from plaudit.api.problems import Refused

MOST_BYTES: Final = 8 * 1024 * 1024
"""Of a request that brings events."""


async def read_body(receive: Receive, length: str | None, most: int = MOST_BYTES) -> bytes:
    """Read a request's body.

    Args:
        receive: where it comes from.
        length: what the header says of it; the parser has seen to it that it is a number.
        most: bytes.

    Raises:
        Refused: it is too large; one that says so itself is not read.
        ClientDisconnect: the client went away before its end.
    """
    if length is not None and int(length) > most:
        raise _too_large(most)
    read = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        read += message.get("body", b"")
        if len(read) > most:
            raise _too_large(most)
        if not message.get("more_body", False):
            return bytes(read)


def _too_large(most: int) -> Refused:
    return Refused(413, f"at most {most:,} bytes in a request")
