"""Response parser: HTTP/1.1 by httptools, within caps.

No I/O. The same bytes give the same result wherever they are split, because httptools never
receives a byte beyond a cap. A head that httptools refuses is parsed again by `LenientHead`; its
connection serves no other exchange.
"""

from __future__ import annotations

from typing import Final

import httptools

from plaudit.transport.errors import AnswerMalformed
from plaudit.transport.lenient_head import LenientHead
from plaudit.transport.sender import Caps

_LEAST: Final = 100
_SWITCHING: Final = 101
_FINAL: Final = 200
_FRAMING: Final = 8
"""Maximum bytes on the wire for each byte of a body; a chunk of one byte takes six."""
_MOST_CHUNKS: Final = 1_000
"""Maximum number of chunks. After them the answer counts as read, as after the cap: 64 KiB in
chunks of one byte took 8 ms of the event loop."""
_MOST_HEADERS: Final = 500
"""Header fields of an answer. Python's own client reads 100."""
_UNUSED: Final = httptools.HttpResponseParser(object())
"""Placeholder for the httptools parser after `release`."""


class _StopParsing(Exception):
    """Stops the parser; the rest is not parsed."""


class ResponseParser:
    """Parses the answers of one connection, one after the other.

    Attributes:
        done: whether the answer is complete, so that `status`, `headers`, `snippet` and `truncated`
            are final.
        reusable: whether the connection can serve another exchange; valid once `done`.
        status: status of the final answer.
        headers: headers as received.
        size: bytes of the body until now.
    """

    __slots__ = (
        "_bodyless",
        "_caps",
        "_chunks",
        "_fed",
        "_head_cap",
        "_in_head",
        "_kept",
        "_lenient_head",
        "_most_bytes",
        "_parser",
        "_refusal",
        "_seen",
        "done",
        "headers",
        "reusable",
        "size",
        "status",
    )

    def __init__(self, caps: Caps) -> None:
        self._caps = caps
        self._most_bytes = caps.head_bytes + _FRAMING * caps.read_bytes
        self._parser = self._make_parser()
        self.expect()

    def expect(self, *, bodyless: bool = False) -> None:
        """Prepare for the next answer; `bodyless` for one to HEAD, which has only a head."""
        self._bodyless = bodyless
        self._in_head = True
        self._fed = 0
        self._chunks = 0
        self._kept: list[bytes] = []
        self._refusal = ""
        self._seen = b""
        self._lenient_head: LenientHead | None = None
        self.done = False
        self.reusable = False
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.size = 0

    def feed(self, data: bytes) -> bool:
        """Parse bytes; return whether the answer is complete.

        Raises:
            AnswerMalformed: the bytes are not HTTP/1.1, or exceed a cap.
        """
        limit = self._caps.head_bytes if self._in_head else self._most_bytes
        fed = self._fed + len(data)
        if fed <= limit:
            self._fed = fed
            self._parse(data)
        else:
            self._feed_to_the_cap(data)
        return self.done

    def ends_with_the_stream(self) -> bool:
        """Return whether the answer is complete if no further byte arrives."""
        if self._in_head or self.done:
            return self.done
        fields = {name.lower(): value.strip().lower() for name, value in self.headers}
        chunked = fields.get(b"transfer-encoding", b"").endswith(b"chunked")
        return not chunked and b"content-length" not in fields

    def release(self) -> None:
        """Break the reference cycle with the httptools parser."""
        self._parser = _UNUSED

    @property
    def snippet(self) -> bytes:
        """Start of the body, up to the cap."""
        if not self.size:
            return b""
        return b"".join(self._kept)[: self._caps.kept_bytes]

    @property
    def truncated(self) -> bool:
        """Whether the body is longer than the snippet."""
        return self.size > self._caps.kept_bytes or self._chunks > _MOST_CHUNKS

    def _feed_to_the_cap(self, data: bytes) -> None:
        while data and not self.done:
            limit = self._caps.head_bytes if self._in_head else self._most_bytes
            left = limit - self._fed
            if left <= 0:
                what = "its head" if self._in_head else "it"
                detail = f"{what} is over {limit} bytes"
                raise AnswerMalformed(detail)
            part, data = data[:left], data[left:]
            self._fed += len(part)
            self._parse(part)
        if data:
            self.reusable = False

    def _make_parser(self) -> httptools.HttpResponseParser:
        parser = httptools.HttpResponseParser(self)
        # Servers that write a chunk size before they know it pad it; the value stays unambiguous.
        parser.set_dangerous_leniencies(lenient_spaces_after_chunk_size=True)
        return parser

    def _parse(self, data: bytes) -> None:
        if self._lenient_head is not None:
            data = self._lenient_head.feed(data)
        close_error = ""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._refuse(_SWITCHING)
        except httptools.HttpParserError as error:
            self.reusable = False
            close_error = str(error)
        if self._refusal:
            raise AnswerMalformed(self._refusal)
        if close_error and not self.done:
            self._read_head_again(data, close_error)
        elif self._in_head:
            self._seen += data

    def _read_head_again(self, data: bytes, close_error: str) -> None:
        """Parse a refused head again, leniently.

        Raises:
            AnswerMalformed: the head is complete, or was parsed leniently before.
        """
        if not self._in_head or self._lenient_head is not None:
            raise AnswerMalformed(close_error)
        self._lenient_head = LenientHead()
        self._parser = self._make_parser()
        self.headers.clear()
        self._parse(self._seen + data)

    def _refuse(self, status: int) -> None:
        """Refuse a status, unless it comes after the answer."""
        if self.done:
            self.reusable = False
        elif not self._refusal:
            self._refusal = f"status {status} does not end an exchange"

    # The parser calls these.

    def on_message_begin(self) -> None:
        """Begin an answer; stop if the expected one is complete."""
        if self.done:
            self.reusable = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; trailers, which come after the body, are dropped."""
        if not self._in_head:
            return
        self.headers.append((name, value))
        if len(self.headers) > _MOST_HEADERS:
            self._refusal = f"it has more than {_MOST_HEADERS} header fields"
            raise _StopParsing

    def on_headers_complete(self) -> None:
        """Skip an interim answer; begin the body of the final one."""
        if self.done:
            return
        self.status = self._parser.get_status_code()
        if self.status < _FINAL:
            if self.status < _LEAST or self.status == _SWITCHING:
                self._refuse(self.status)
            self.headers.clear()
            return
        self._in_head = False
        # httptools would wait for the body that the head announces.
        self.done = self._bodyless

    def on_chunk_header(self) -> None:
        """Count a chunk, and stop at the maximum."""
        self._chunks += 1
        if self._chunks > _MOST_CHUNKS:
            self.done = True
            self.reusable = False
            raise _StopParsing

    def on_body(self, data: bytes) -> None:
        """Keep the start of the body, and stop at the cap."""
        if self.done:
            return
        if self.size < self._caps.kept_bytes:
            self._kept.append(data)
        self.size += len(data)
        self.done = self.size >= self._caps.read_bytes

    def on_message_complete(self) -> None:
        """End the answer, unless it was an interim one."""
        if not self._in_head and not self.done:
            self.done = True
            self.reusable = self._lenient_head is None and bool(self._parser.should_keep_alive())
