"""Request head as bytes; the part that is constant for an endpoint is encoded once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from plaudit.transport.addresses import Target
from plaudit.transport.errors import RequestInvalid

Headers = Sequence[tuple[bytes, bytes]]

OURS: Final = frozenset(
    (b"host", b"content-length", b"transfer-encoding", b"connection", b"expect")
)
"""Header names, in lower case, that the transport writes itself and refuses from callers."""

# RFC 9110: a name is a token; a value may contain tabs, but no other control characters.
_NAME: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE: Final = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")


def request_prefix(target: Target, headers: Headers = (), method: bytes = b"POST") -> bytes:
    r"""Return the request line, `host` and the headers that every request to a target has.

    Raises:
        RequestInvalid: a header can't be written, or is one that the transport sets.
    """
    if not _NAME.fullmatch(method):
        detail = f"{method!r} is not a method"
        raise RequestInvalid(detail)
    first = b"%b %b HTTP/1.1\r\nhost: %b\r\n"
    start = first % (method, target.path.encode(), target.authority.encode())
    return start + header_lines(headers)


def header_lines(headers: Headers) -> bytes:
    r"""Return headers as lines, each with its `\r\n`.

    Raises:
        RequestInvalid: a header can't be written, or is one that the transport sets.
    """
    for name, value in headers:
        if name.lower() in OURS:
            detail = f"header {name.decode('latin-1')} is set by the transport"
            raise RequestInvalid(detail)
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            # The value may be a secret.
            detail = f"header {name!r} has characters that HTTP does not allow"
            raise RequestInvalid(detail)
    return b"".join([b"%b: %b\r\n" % header for header in headers])


def read_lines(lines: bytes) -> Iterable[tuple[bytes, bytes]]:
    """Yield the headers that `header_lines` has written."""
    for line in lines.split(b"\r\n"):
        name, separator, value = line.partition(b": ")
        if separator:
            yield name, value
