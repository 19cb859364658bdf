"""Response parser: HTTP/1.1 by httptools, within caps.

No I/O. The same bytes give the same result wherever they are split: the parser is never shown a
byte beyond a cap, so it is the count of bytes that decides, not how they came. A head that the
parser refuses is read once more by `OddHead`; such a connection serves no other exchange.
"""

from __future__ import annotations

from typing import Final

import httptools

from plaudit.transport.errors import AnswerMalformed
from plaudit.transport.odd_head import OddHead
from plaudit.transport.sender import Caps

_LEAST: Final = 100
_SWITCHING: Final = 101
_FINAL: Final = 200
_FRAMING: Final = 8
"""Bytes on the wire that one byte of a body may cost; a chunk of one byte takes six."""
_MOST_CHUNKS: Final = 1_000
"""After so many the answer counts as read, as after the cap: 64 KiB in chunks of one byte took 8 ms
of the event loop."""
_MOST_HEADERS: Final = 500
"""Header fields of an answer. Python's own client reads 100."""
_UNUSED: Final = httptools.HttpResponseParser(object())
"""Stands for the parser of an assembly that reads no more."""


class _Enough(Exception):
    """Stops the parser: what follows is not looked at."""


class AnswerAssembly:
    """Takes in the answers of one connection, one after the other.

    Attributes:
        done: the answer is complete: `status`, `headers`, `snippet` and `truncated` are its.
        reusable: once it is done: the connection may serve another exchange.
        status: of the final answer.
        headers: as received.
        size: bytes of the body so far.
    """

    __slots__ = (
        "_bodyless",
        "_caps",
        "_chunks",
        "_fed",
        "_head_cap",
        "_in_head",
        "_kept",
        "_most_bytes",
        "_odd_head",
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
        """Get ready for the next answer; `bodyless` for one to HEAD, which has only a head."""
        self._bodyless = bodyless
        self._in_head = True
        self._fed = 0
        self._chunks = 0
        self._kept: list[bytes] = []
        self._refusal = ""
        self._seen = b""
        self._odd_head: OddHead | None = None
        self.done = False
        self.reusable = False
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.size = 0

    def feed(self, data: bytes) -> bool:
        """Take in bytes; return whether the answer is complete.

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
        """Tell whether the answer is complete if not one byte more comes."""
        if self._in_head or self.done:
            return self.done
        fields = {name.lower(): value.strip().lower() for name, value in self.headers}
        chunked = fields.get(b"transfer-encoding", b"").endswith(b"chunked")
        return not chunked and b"content-length" not in fields

    def let_go(self) -> None:
        """Read no more; without this, only the garbage collector would end it and its parser."""
        self._parser = _UNUSED

    @property
    def snippet(self) -> bytes:
        """The start of the body, as far as it is kept."""
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
        # Servers that write a size before they know it pad it; no reader takes it for another.
        parser.set_dangerous_leniencies(lenient_spaces_after_chunk_size=True)
        return parser

    def _parse(self, data: bytes) -> None:
        if self._odd_head is not None:
            data = self._odd_head.feed(data)
        fault = ""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._refuse(_SWITCHING)
        except httptools.HttpParserError as error:
            self.reusable = False
            fault = str(error)
        if self._refusal:
            raise AnswerMalformed(self._refusal)
        if fault and not self.done:
            self._read_head_again(data, fault)
        elif self._in_head:
            self._seen += data

    def _read_head_again(self, data: bytes, fault: str) -> None:
        """Read a head again that the parser refuses.

        Raises:
            AnswerMalformed: the head is complete, or was read again before.
        """
        if not self._in_head or self._odd_head is not None:
            raise AnswerMalformed(fault)
        self._odd_head = OddHead()
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
        """Something follows; after the end of the answer nothing may."""
        if self.done:
            self.reusable = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; trailers, which come after the body, are dropped."""
        if not self._in_head:
            return
        self.headers.append((name, value))
        if len(self.headers) > _MOST_HEADERS:
            self._refusal = f"it has more than {_MOST_HEADERS} header fields"
            raise _Enough

    def on_headers_complete(self) -> None:
        """Pass over an interim answer; begin with the body of the final one."""
        if self.done:
            return
        self.status = self._parser.get_status_code()
        if self.status < _FINAL:
            if self.status < _LEAST or self.status == _SWITCHING:
                self._refuse(self.status)
            self.headers.clear()
            return
        self._in_head = False
        # The parser would wait for the body that the head announces.
        self.done = self._bodyless

    def on_chunk_header(self) -> None:
        """Count a chunk, and stop when there were enough."""
        self._chunks += 1
        if self._chunks > _MOST_CHUNKS:
            self.done = True
            self.reusable = False
            raise _Enough

    def on_body(self, data: bytes) -> None:
        """Keep the start of the body, and stop when enough of it was read."""
        if self.done:
            return
        if self.size < self._caps.kept_bytes:
            self._kept.append(data)
        self.size += len(data)
        self.done = self.size >= self._caps.read_bytes

    def on_message_complete(self) -> None:
        """The answer ends here, unless it was an interim one."""
        if not self._in_head and not self.done:
            self.done = True
            self.reusable = self._odd_head is None and bool(self._parser.should_keep_alive())
