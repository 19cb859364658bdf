"""File of arrivals: its writer in the subscribers' process, and its reader."""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final
from uuid import UUID

from lab.evidence import Arrival

FORM: Final = struct.Struct("<H16sqH16sB")
WRONG: Final = ("", "signature", "body", "webhook-id")
NOBODY: Final = 0xFFFF


# Releases up to 0.1 wrote a whole number with a point (`5.0`); a test runs one beside today's.
POINT: Final = re.compile(rb"(?<=\d)\.0(?=[,}\]])")


def digest_of(body: bytes) -> bytes:
    """Return the digest of a body, the same for `5.0` and `5`."""
    return hashlib.blake2b(POINT.sub(b"", body), digest_size=16).digest()


def pack(subscriber: int, event: bytes, at_ms: int, status: int, body: bytes, wrong: str) -> bytes:
    """Encode an arrival."""
    return FORM.pack(subscriber, event, at_ms, status, digest_of(body), WRONG.index(wrong))


class ArrivalsFile:
    """Reads arrivals that another process appends.

    Args:
        path: the existing file.
        names: names of the subscribers by number, which may grow.

    Attributes:
        arrivals: all arrivals so far.
        taken: number of those with a 2xx response.
    """

    def __init__(self, path: Path, names: Sequence[str]) -> None:
        self._file = path.open("rb")
        self._names = names
        self._rest = b""
        self.arrivals: list[Arrival] = []
        self.taken = 0

    def read(self) -> list[Arrival]:
        """Read to the end; return the new arrivals."""
        data = self._rest + self._file.read()
        whole = len(data) - len(data) % FORM.size
        self._rest = data[whole:]
        new = list(self._arrivals(data[:whole]))
        self.arrivals += new
        self.taken += sum(200 <= each.status < 300 for each in new)
        return new

    def close(self) -> None:
        """Close the file, and keep the arrivals."""
        self._file.close()

    def _arrivals(self, data: bytes) -> Iterator[Arrival]:
        for number, event, at_ms, status, digest, wrong in FORM.iter_unpack(data):
            name = "nobody" if number == NOBODY else self._names[number]
            yield Arrival(name, str(UUID(bytes=event)), at_ms, status, digest, WRONG[wrong])
