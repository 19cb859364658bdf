"""Lenient parser of response heads that the strict parser rejects.

It accepts what RFC 9112 allows a client to accept, as curl and browsers do: folded lines, line
feeds without carriage returns, spaces before a colon, control characters in a value, a repeated
`Content-Length`. It drops names that are not tokens. It refuses anything from which two clients
could infer different ends of an answer: a carriage return inside a line, NUL, different lengths,
and irregular fields about the body's length.
"""

from __future__ import annotations

import re
from typing import Final

from plaudit.transport.errors import AnswerMalformed

_START: Final = b"HTTP/1."
_STATUS: Final = re.compile(rb"HTTP/1\.[01] ([1-9][0-9]{2})(?: .*)?", re.DOTALL)
_TOKEN: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_NO_TOKEN: Final = re.compile(rb"[^!#$%&'*+.^_`|~0-9A-Za-z-]")
_CONTROL: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_NO_STATUS: Final = "it does not begin with a status line of HTTP/1.1"
_DIGITS: Final = re.compile(rb"[0-9]{1,18}")
_LENGTH: Final = b"content-length"
_ENCODING: Final = b"transfer-encoding"
_FRAMING: Final = frozenset({_LENGTH, _ENCODING})
_SWITCHING: Final = 101
_FINAL: Final = 200


class LenientHead:
    """Converts the bytes of an answer to bytes with a regular head.

    Of interim answers, only the status lines are kept. After the final head the bytes are
    unchanged.

    Attributes:
        ended: whether the final head is complete.
        status: status in the latest status line; 0 before the first.
        line: the latest status line.
    """

    def __init__(self) -> None:
        self.ended = False
        self.status = 0
        self.line = b""
        self._rest = bytearray()
        self._searched = 0
        self._fields: list[bytes] = []
        self._folded: set[int] = set()

    def feed(self, data: bytes) -> bytes:
        """Return the converted bytes; empty in the middle of a head.

        Raises:
            AnswerMalformed: the head is ambiguous or not HTTP.
        """
        if self.ended:
            return data
        self._rest += data
        regular: list[bytes] = []
        while not self.ended:
            line = self._next_line()
            if line is None:
                return b"".join(regular)
            regular.append(self._take(line))
        return b"".join((*regular, self._rest))

    def _next_line(self) -> bytes | None:
        end = self._rest.find(b"\n", self._searched)
        if end < 0:
            self._searched = len(self._rest)
            # Not HTTP: the line might never end.
            if not self.line and not self._rest.startswith(b"\r"):
                self._check_start(bytes(self._rest[: len(_START)]))
            return None
        line = bytes(self._rest[:end]).removesuffix(b"\r")
        del self._rest[: end + 1]
        self._searched = 0
        return line

    @staticmethod
    def _check_start(start: bytes) -> None:
        if not _START.startswith(start):
            detail = _NO_STATUS
            raise AnswerMalformed(detail)

    def _take(self, line: bytes) -> bytes:
        """Process a line; return the head that it completes, if any."""
        if not self.line:
            self._check_start(line[: len(_START)])
        if b"\r" in line or b"\0" in line:
            detail = "a line of its head contains a carriage return or NUL"
            raise AnswerMalformed(detail)
        if not self.line:
            if line:
                self._begin(line)
        elif line.startswith((b" ", b"\t")):
            if not self._fields:
                detail = "its first header begins with a space"
                raise AnswerMalformed(detail)
            self._fields[-1] = self._fields[-1].rstrip(b" \t") + b" " + line.strip(b" \t")
            self._folded.add(len(self._fields) - 1)
        elif line:
            self._fields.append(line)
        else:
            return self._end()
        return b""

    def _begin(self, line: bytes) -> None:
        found = _STATUS.fullmatch(line)
        if found is None:
            detail = _NO_STATUS
            raise AnswerMalformed(detail)
        self.line = line
        self.status = int(found[1])

    def _end(self) -> bytes:
        """Return the complete head, and prepare for what follows it."""
        lines, lengths = self._regular_fields()
        if lengths:
            lines.append(b"content-length: " + _one_length(lengths))
        self.ended = self.status >= _FINAL or self.status == _SWITCHING
        first = self.line[:8] + b" %d" % self.status
        if not self.ended:
            # Its fields are checked, but not kept.
            self.line, lines = b"", []
        self._fields.clear()
        self._folded.clear()
        return b"\r\n".join((first, *lines, b"", b""))

    def _regular_fields(self) -> tuple[list[bytes], set[bytes]]:
        """Return the lines of the fields except `content-length`, and its values."""
        lines: list[bytes] = []
        lengths: set[bytes] = set()
        chunked = False
        for place, field in enumerate(self._fields):
            name, value = regular_field(field, folded=place in self._folded)
            if name.lower() == _LENGTH:
                lengths.update(each.strip(b" \t") for each in value.split(b","))
            elif name:
                chunked = chunked or name.lower() == _ENCODING
                lines.append(b"%b: %b" % (name, value))
        if chunked and lengths:
            detail = "it has a content-length and a transfer-encoding"
            raise AnswerMalformed(detail)
        return lines, lengths


def regular_field(line: bytes, *, folded: bool) -> tuple[bytes, bytes]:
    """Return the regular name and value of a header; an empty name: drop the header.

    Raises:
        AnswerMalformed: the line is not a header, or is an irregular one about the body's length.
    """
    given, colon, value = line.partition(b":")
    if not colon:
        detail = "a line of its head has no colon"
        raise AnswerMalformed(detail)
    name = given.rstrip(b" \t")
    bare = _NO_TOKEN.sub(b"", name).lower()
    odd = folded or bare != given.lower() or _CONTROL.search(value) is not None
    if odd and bare in _FRAMING:
        detail = f"its {bare.decode()} is not written as it should be"
        raise AnswerMalformed(detail)
    if not _TOKEN.fullmatch(name):
        return b"", b""
    return name, _CONTROL.sub(b" ", value).strip(b" \t")


def _one_length(lengths: set[bytes]) -> bytes:
    if len(lengths) > 1:
        detail = "it has more than one content-length"
        raise AnswerMalformed(detail)
    (length,) = lengths
    if not _DIGITS.fullmatch(length):
        detail = "its content-length is not a number"
        raise AnswerMalformed(detail)
    return length
