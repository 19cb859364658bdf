"""Arena of byte strings, each under a number: no object per string.

A `bytes` object costs 33 bytes beside its content; rounding and its place in a list cost 16 more.
The strings follow each other in chunks. When less than half of a chunk is in use, its strings are
moved into the newest chunk. So the arena takes at most twice the size of its content.
"""

from __future__ import annotations

import struct
from array import array
from typing import Final

CHUNK_BYTES: Final = 128 * 1024
"""A chunk holds 500 records of endpoints: moving the rest of one takes less than 1 ms."""
_HEAD: Final = struct.Struct("<II")
"""Header of each string: its number and its length."""
_HEAD_BYTES: Final = 8
_OFFSET_BITS: Final = 32
_OFFSET_MASK: Final = 0xFFFF_FFFF
_NOWHERE: Final = 0xFFFF_FFFF_FFFF_FFFF


class Arena:
    """Byte strings by number, starting at 0."""

    def __init__(self) -> None:
        self._at = array("Q")
        self._chunks: list[bytearray] = [bytearray(CHUNK_BYTES)]
        self._in_use: list[int] = [0]
        self._emptied: list[int] = []
        self._newest = 0
        self._end = 0

    @property
    def size(self) -> int:
        """Bytes that the chunks take."""
        return sum(map(len, self._chunks))

    def put(self, number: int, content: bytes) -> None:
        """Store a string under a number, replacing the previous one."""
        while len(self._at) <= number:
            self._at.append(_NOWHERE)
        self.drop(number)
        self._append(number, content)

    def get(self, number: int) -> bytes:
        """Return the string under a number; empty if there is none."""
        at = self._at[number] if number < len(self._at) else _NOWHERE
        if at == _NOWHERE:
            return b""
        chunk, offset = self._chunks[at >> _OFFSET_BITS], at & _OFFSET_MASK
        _, length = _HEAD.unpack_from(chunk, offset)
        begin = offset + _HEAD_BYTES
        return bytes(chunk[begin : begin + length])

    def drop(self, number: int) -> None:
        """Forget the string under a number."""
        at = self._at[number]
        if at == _NOWHERE:
            return
        self._at[number] = _NOWHERE
        place, offset = at >> _OFFSET_BITS, at & _OFFSET_MASK
        _, length = _HEAD.unpack_from(self._chunks[place], offset)
        self._in_use[place] -= _HEAD_BYTES + length
        if place != self._newest and self._in_use[place] * 2 < len(self._chunks[place]):
            self._empty(place)

    def _append(self, number: int, content: bytes) -> None:
        taken = _HEAD_BYTES + len(content)
        if self._end + taken > len(self._chunks[self._newest]):
            self._open_chunk(max(CHUNK_BYTES, taken))
        chunk, begin = self._chunks[self._newest], self._end
        _HEAD.pack_into(chunk, begin, number, len(content))
        self._end = begin + taken
        chunk[begin + _HEAD_BYTES : self._end] = content
        self._in_use[self._newest] += taken
        self._at[number] = self._newest << _OFFSET_BITS | begin

    def _open_chunk(self, size: int) -> None:
        # The previous chunk may have lost most of its content while it was the newest.
        before = self._newest
        if self._emptied:
            self._newest = self._emptied.pop()
            self._chunks[self._newest] = bytearray(size)
        else:
            self._newest = len(self._chunks)
            self._chunks.append(bytearray(size))
            self._in_use.append(0)
        self._end = 0
        if self._in_use[before] * 2 < len(self._chunks[before]):
            self._empty(before)

    def _empty(self, place: int) -> None:
        """Move the strings in use of a chunk into the newest one, and free the chunk."""
        chunk = self._chunks[place]
        self._chunks[place] = bytearray()
        self._in_use[place] = 0
        offset = 0
        while offset < len(chunk):
            number, length = _HEAD.unpack_from(chunk, offset)
            begin = offset + _HEAD_BYTES
            if self._at[number] == place << _OFFSET_BITS | offset and length:
                self._append(number, bytes(chunk[begin : begin + length]))
            if not length:
                break
            offset = begin + length
        self._emptied.append(place)
