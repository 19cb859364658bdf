"""Forward proxy that opens tunnels (CONNECT)."""

from __future__ import annotations

import asyncio
import socket
from base64 import b64encode
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote_to_bytes

from plaudit.transport.addresses import Target, check_url
from plaudit.transport.error_text import connection_reason, printable
from plaudit.transport.errors import AnswerMalformed, ProxyRefused, UrlRefused
from plaudit.transport.lenient_head import LenientHead

_LONGEST_HEAD: Final = 8 * 1024
_READ_BYTES: Final = 2 * 1024
_OPEN: Final = range(200, 300)


@dataclass(frozen=True, slots=True)
class Proxy:
    """Address and credentials of the proxy.

    Attributes:
        target: host and port of the proxy.
        resolves: whether the proxy receives names, and alone decides which addresses are allowed;
            otherwise it receives addresses that the dialer has checked.
        authorization: value of `proxy-authorization`; empty without credentials.
    """

    target: Target
    resolves: bool = False
    authorization: bytes = field(default=b"", repr=False)

    @classmethod
    def parse(cls, url: str, *, resolves: bool = False) -> Proxy:
        """Parse `http://[user:password@]host[:port]`.

        Raises:
            UrlRefused: not such a URL; the message does not contain credentials.
        """
        scheme, _, rest = url.partition("://")
        credentials, _, place = rest.rpartition("@")
        try:
            target = check_url(f"http://{place}")
        except UrlRefused:
            target = None  # An error message would quote the credentials.
        if scheme.lower() != "http" or target is None or target.path != "/":
            msg = "a proxy's URL must be http://[user:password@]host[:port]"
            raise UrlRefused(msg)
        secret = unquote_to_bytes(credentials)
        return cls(target, resolves, b"Basic " + b64encode(secret) if secret else b"")

    def __str__(self) -> str:
        return self.target.authority


async def open_tunnel(sock: socket.socket, proxy: Proxy, authority: str) -> None:
    """Open a tunnel through a proxy.

    Args:
        sock: socket that is connected to the proxy.
        proxy: the proxy's credentials.
        authority: host and port to connect to.

    Raises:
        ProxyRefused: the proxy refuses, or its answer is not HTTP.
    """
    place = authority.encode()
    lines = [b"CONNECT %b HTTP/1.1" % place, b"host: %b" % place]
    if proxy.authorization:
        lines.append(b"proxy-authorization: " + proxy.authorization)
    try:
        await asyncio.get_running_loop().sock_sendall(sock, b"\r\n".join([*lines, b"", b""]))
        answer = await _read_head(sock)
    except AnswerMalformed as error:
        raise ProxyRefused(f"{proxy}: {error.detail}") from None
    except OSError as error:
        raise ProxyRefused(f"{proxy}: {connection_reason(error)}") from error
    if answer.status not in _OPEN:
        raise ProxyRefused(f"{proxy}: {printable(answer.line.decode('latin-1'))}")


async def _read_head(sock: socket.socket) -> LenientHead:
    """Read the head of the answer, and nothing after it.

    Raises:
        AnswerMalformed: it is not a head of HTTP/1.1, is too long, or bytes follow it: the server
            behind a tunnel must not send before the client.
    """
    loop, answer, size = asyncio.get_running_loop(), LenientHead(), 0
    given = b""
    while not answer.ended:
        part = await loop.sock_recv(sock, _READ_BYTES)
        size += len(part)
        if not part or size > _LONGEST_HEAD:
            detail = "its answer is not a complete head of HTTP/1.1"
            raise AnswerMalformed(detail)
        given += answer.feed(part)
    if answer.status in _OPEN and not given.endswith(b"\r\n\r\n"):
        detail = "something follows the head of its answer"
        raise AnswerMalformed(detail)
    return answer
