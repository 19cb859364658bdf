"""Offsets that are done above the committed one, as text in the commit's metadata.

`p1:` and base64 of a bitmap: bit 0 stands for the first offset after the committed one (which
itself is never done). A restart then does not repeat what was done. The text is kept under 4,000
characters, because brokers refuse 4,096; foreign or broken text is not an error: its records are
delivered again.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Final

MAGIC: Final = "p1:"
MOST_CHARACTERS: Final = 4_000
# 4 characters of base64 for 3 bytes of 8 bits each.
MOST_BITS: Final = (MOST_CHARACTERS - len(MAGIC)) // 4 * 3 * 8


class ForeignMetadata(ValueError):
    """Commit metadata that this code did not write, or that was damaged."""


def encode(committed: int, done: Sequence[int]) -> str:
    """Return the metadata for a commit; empty when nothing is done ahead of it.

    Args:
        committed: the offset being committed.
        done: offsets above it that are done. Those too far ahead to fit are left out: they are
            delivered again after a crash, which is allowed; skipping one would not be.
    """
    # Bit by bit in a bytearray: a long integer would be copied for each of 10,000 bits.
    body = bytearray()
    for offset in done:
        place = offset - committed - 1
        if 0 <= place < MOST_BITS:
            byte = place >> 3
            if byte >= len(body):
                body.extend(bytes(byte + 1 - len(body)))
            body[byte] |= 1 << (place & 7)
    return MAGIC + base64.b64encode(body).decode("ascii") if body else ""


def decode(committed: int, metadata: str) -> list[int]:
    """Return the offsets that are done above the committed one, ascending.

    Raises:
        ForeignMetadata: not written by `encode`.
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
