"""Offsets that are done above the committed one, as text in the commit's metadata.

`p1:` and base64 of a bitmap: bit 0 stands for the first offset after the committed one (which
itself is never done). A restart then does not repeat what was done. The text has fewer than 4,000
characters, because brokers refuse 4,096. Foreign or damaged text is not an error: the records are
delivered again.
"""

from __future__ import annotations

import base64
import binascii
from typing import Final

MAGIC: Final = "p1:"
MOST_CHARACTERS: Final = 4_000
# 4 characters of base64 for 3 bytes of 8 bits each.
MOST_BITS: Final = (MOST_CHARACTERS - len(MAGIC)) // 4 * 3 * 8
ALL_BITS: Final = (1 << MOST_BITS) - 1
REACH_BITS: Final = 16 * MOST_BITS
"""Bits kept between two commits, 48 KB. A log may have a gap of any length, such as one of records
that are past retention. Without this bound, a bit behind the gap takes memory for all of it."""


class ForeignMetadata(ValueError):
    """Commit metadata that another program wrote, or that was damaged."""


class Bitmap:
    """Offsets that are done, as bits of a growing array; those before a commit are dropped.

    Args:
        start: no offset is below it.
    """

    __slots__ = ("_base", "_bits")

    def __init__(self, start: int) -> None:
        # Bit 0 of the first byte stands for this offset.
        self._base = start
        # A bytearray, since a long integer would be copied for each of 10,000 bits.
        self._bits = bytearray()

    def reaches(self, offset: int) -> bool:
        """Return whether an offset has a place here, before those below a commit are forgotten."""
        return offset - self._base < REACH_BITS

    def add(self, offset: int) -> None:
        """Mark an offset as done; one that is out of reach is left out."""
        place = offset - self._base
        if not 0 <= place < REACH_BITS:
            return
        byte = place >> 3
        bits = self._bits
        if byte >= len(bits):
            bits.extend(bytes(byte + 1 - len(bits)))
        bits[byte] |= 1 << (place & 7)

    def __contains__(self, offset: int) -> bool:
        """Return whether an offset is done, if it is not below the latest commit."""
        place = offset - self._base
        byte = place >> 3
        return 0 <= byte < len(self._bits) and bool(self._bits[byte] >> (place & 7) & 1)

    def forget(self, committed: int) -> None:
        """Drop what is below a commit."""
        whole = (committed - self._base) >> 3
        if whole > 0:
            del self._bits[:whole]
            self._base += whole * 8

    def metadata(self, committed: int) -> str:
        """Return the metadata for a commit; empty when nothing is done ahead of it.

        Args:
            committed: the offset being committed; what is below it is forgotten.

        Offsets too far ahead to fit are left out: they are delivered again after a crash, which is
        allowed; skipping one would not be.
        """
        self.forget(committed)
        ahead = int.from_bytes(self._bits, "little") >> (committed + 1 - self._base) & ALL_BITS
        body = ahead.to_bytes((ahead.bit_length() + 7) >> 3, "little")
        return MAGIC + base64.b64encode(body).decode("ascii") if body else ""


def decode(committed: int, metadata: str) -> list[int]:
    """Return the offsets that are done above the committed one, ascending.

    Raises:
        ForeignMetadata: not written by `Bitmap`.
    """
    if not metadata:
        return []
    if not metadata.startswith(MAGIC) or len(metadata) > MOST_CHARACTERS:
        raise ForeignMetadata(metadata[:40])
    try:
        body = base64.b64decode(metadata[len(MAGIC) :], validate=True)
    except (binascii.Error, ValueError) as error:
        raise ForeignMetadata(metadata[:40]) from error
    bits = int.from_bytes(body, "little")
    return [committed + 1 + place for place in range(bits.bit_length()) if bits >> place & 1]
