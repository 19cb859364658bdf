"""A forward proxy that opens tunnels (CONNECT)."""

from __future__ import annotations

import asyncio
import re
import socket
from base64 import b64encode
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote_to_bytes

from plaudit.transport.addresses import Target, check_url
from plaudit.transport.errors import ProxyRefused, UrlRefused

_LONGEST_HEAD: Final = 8 * 1024
_STATUS: Final = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})[ \r]")
_OPEN: Final = range(200, 300)


@dataclass(frozen=True, slots=True)
class Proxy:
    """Where the proxy is, and what it is told.

    Attributes:
        target: its host and port.
        resolves: it is given names, and alone decides which addresses they may lead to; else it
            is given addresses that were looked up and checked here.
        authorization: value of `proxy-authorization`; empty without credentials.
    """

    target: Target
    resolves: bool = False
    authorization: bytes = field(default=b"", repr=False)

    @classmethod
    def parse(cls, url: str, *, resolves: bool = False) -> Proxy:
        """Read `http://[user:password@]host[:port]`.

        Raises:
            UrlRefused: not such a URL; says so without quoting credentials.
        """
        scheme, _, rest = url.partition("://")
        credentials, _, place = rest.rpartition("@")
        try:
            target = check_url(f"http://{place}")
        except UrlRefused:
            target = None  # What is wrong with it would be told with a quotation.
        if scheme.lower() != "http" or target is None or target.path != "/":
            msg = "a proxy's URL must be http://[user:password@]host[:port]"
            raise UrlRefused(msg)
        secret = unquote_to_bytes(credentials)
        return cls(target, resolves, b"Basic " + b64encode(secret) if secret else b"")

    def __str__(self) -> str:
        return self.target.authority


async def open_tunnel(sock: socket.socket, proxy: Proxy, authority: str) -> None:
    """Ask the proxy at the other end of a socket for a tunnel.

    Args:
        sock: connected to the proxy.
        proxy: what it is told.
        authority: host and port to connect to.

    Raises:
        ProxyRefused: it won't, or speaks no HTTP.
    """
    loop = asyncio.get_running_loop()
    place = authority.encode()
    lines = [b"CONNECT %b HTTP/1.1" % place, b"host: %b" % place]
    if proxy.authorization:
        lines.append(b"proxy-authorization: " + proxy.authorization)
    head = b""
    try:
        await loop.sock_sendall(sock, b"\r\n".join([*lines, b"", b""]))
        while not head.endswith(b"\r\n\r\n") and len(head) < _LONGEST_HEAD:
            part = await loop.sock_recv(sock, _LONGEST_HEAD - len(head))
            if not part:
                break
            head += part
    except OSError as error:
        raise ProxyRefused(f"{proxy}: {error.strerror or error}") from error
    _check(head, proxy)


def _check(head: bytes, proxy: Proxy) -> None:
    found = _STATUS.match(head)
    if found is None or not head.endswith(b"\r\n\r\n"):
        raise ProxyRefused(f"{proxy}: its answer is no complete head of HTTP/1.1")
    if int(found[1]) not in _OPEN:
        line = head.partition(b"\r\n")[0].decode("latin-1")
        raise ProxyRefused(f"{proxy}: {line}")
