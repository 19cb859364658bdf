"""Packing of endpoint records: what many of them have in common is kept once.

Endpoints differ in their encrypted part, which is most of a record, and in their times. The name of
the key, types, format, status and so on are the same for many of them.
"""

from __future__ import annotations

from typing import Final

MOST_SHARED: Final = 4_096
LONGEST_SHARED: Final = 512
"""Bytes; with `MOST_SHARED`, all shared parts take 2 MiB at most."""
_KEY_ID: Final = 16
"""8, as Avro writes the length of a string."""
_KEY_BYTES: Final = 9
_TIMES_BYTES: Final = 18
"""Three times in milliseconds, of 6 bytes each, at the end of a record."""
_NUMBER_BYTES: Final = 2
_ALONE: Final = b"\x00\x00"


class RecordPacker:
    """Packs records behind their identities: version, name of the key, encrypted part and so on."""

    def __init__(self) -> None:
        self._numbers: dict[bytes, bytes] = {}
        self._shared: list[bytes] = [b""]

    def pack(self, rest: bytes) -> bytes:
        """Return a shorter form of a record's rest."""
        key_at = _after_number(rest, 0)
        sealed_at = key_at + _KEY_BYTES
        times_at = len(rest) - _TIMES_BYTES
        if times_at < sealed_at + 2 or rest[key_at] != _KEY_ID:
            return _ALONE + rest
        sealed_end = _sealed_end(rest, sealed_at)
        if times_at < sealed_end:
            return _ALONE + rest
        number = self._number(rest[key_at:sealed_at] + rest[sealed_end:times_at])
        if number == _ALONE:
            return _ALONE + rest
        return b"%b%b%b%b" % (number, rest[:key_at], rest[sealed_at:sealed_end], rest[times_at:])

    def unpack(self, packed: bytes) -> bytes:
        """Return the rest of a record."""
        number = packed[0] | packed[1] << 8
        if not number:
            return packed[_NUMBER_BYTES:]
        shared = self._shared[number]
        key_at = _after_number(packed, _NUMBER_BYTES)
        sealed_end = _sealed_end(packed, key_at)
        return b"%b%b%b%b%b" % (
            packed[_NUMBER_BYTES:key_at],
            shared[:_KEY_BYTES],
            packed[key_at:sealed_end],
            shared[_KEY_BYTES:],
            packed[sealed_end:],
        )

    def _number(self, shared: bytes) -> bytes:
        """Return the number of a shared part, which may be new, in two bytes; 0: it is not kept."""
        found = self._numbers.get(shared)
        if found is None:
            number = len(self._shared)
            if number >= MOST_SHARED or len(shared) > LONGEST_SHARED:
                return _ALONE
            found = self._numbers[shared] = bytes((number & 255, number >> 8))
            self._shared.append(shared)
        return found


def _after_number(content: bytes, at: int) -> int:
    """Return the place behind a number in Avro's form."""
    last = len(content) - 1
    while content[at] & 128 and at < last:
        at += 1
    return at + 1


def _sealed_end(content: bytes, at: int) -> int:
    """Return the place behind a byte string, whose length stands at a place."""
    length = shift = 0
    last = len(content) - 1
    while content[at] & 128 and at < last:
        length |= (content[at] & 127) << shift
        shift += 7
        at += 1
    length |= content[at] << shift
    return at + 1 + (length >> 1)
