"""Request body reader with a size limit."""

from __future__ import annotations

from typing import Final

from starlette.requests import ClientDisconnect
from starlette.types import Receive

from plaudit.api.problems import Refused

MOST_BYTES: Final = 8 * 1024 * 1024
"""Maximum bytes of a request that publishes events."""


async def read_body(receive: Receive, length: str | None, most: int = MOST_BYTES) -> bytes:
    """Read a request's body.

    Args:
        receive: ASGI receive function.
        length: value of `content-length`; the parser has validated it.
        most: maximum bytes.

    Raises:
        Refused: the body is too large, according to its header or after reading.
        ClientDisconnect: the client disconnected before the end.
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
