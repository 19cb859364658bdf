"""Index of identities: 16 bytes each, numbered in the order in which they were added.

A dictionary takes some 140 bytes for a key of 16 bytes and its number, this index 23. With a
million endpoints, every worker saves 120 MB. Identities are never removed: the index
keeps a deleted endpoint as deleted.
"""

from __future__ import annotations

from array import array
from hashlib import blake2b
from typing import Final

ID_BYTES: Final = 16
_SHARDS: Final = 256
"""Number of tables, which grow one at a time: a single one of a million entries would stop the
worker for half a second."""
_FIRST_SLOTS: Final = 8
_UUID_CHARACTERS: Final = 36
_HYPHEN: Final = 45


def identity_of(text: str) -> bytes:
    """Return the bytes of a UUID; a digest of any other text."""
    encoded = text.encode()
    return uuid_bytes(encoded) or blake2b(encoded, digest_size=ID_BYTES).digest()


def uuid_bytes(text: bytes) -> bytes | None:
    """Return the bytes of a UUID; None for any other text."""
    digits = text.replace(b"-", b"")
    if len(text) != _UUID_CHARACTERS or len(digits) != 2 * ID_BYTES:
        return None
    if not text[8] == text[13] == text[18] == text[23] == _HYPHEN:
        return None
    try:
        found = bytes.fromhex(digits.decode())
    except ValueError:
        return None
    return found if found.hex().encode() == digits else None


def uuid_text(identity: bytes) -> str:
    """Return the text of a UUID."""
    digits = identity.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


class IdIndex:
    """Hash tables with linear probing, whose slots hold numbers of identities."""

    def __init__(self) -> None:
        self._ids = bytearray()
        # A slot holds the number plus one; 0 is free.
        self._shards = [array("I", bytes(4 * _FIRST_SLOTS)) for _ in range(_SHARDS)]
        self._used = array("I", bytes(4 * _SHARDS))

    def __len__(self) -> int:
        return len(self._ids) // ID_BYTES

    def identity(self, number: int) -> bytes:
        """Return the identity with a number."""
        return bytes(self._ids[ID_BYTES * number : ID_BYTES * (number + 1)])

    def find(self, identity: bytes) -> int:
        """Return the number of an identity; -1 if it is unknown."""
        hashed = hash(identity)
        shard = self._shards[hashed & 255]
        return shard[self._slot(shard, hashed, identity)] - 1

    def add(self, identity: bytes) -> int:
        """Return the number of an identity, which may be new."""
        hashed = hash(identity)
        place = hashed & 255
        shard = self._shards[place]
        slot = self._slot(shard, hashed, identity)
        if shard[slot]:
            return shard[slot] - 1
        self._ids += identity
        number = len(self._ids) // ID_BYTES
        shard[slot] = number
        self._used[place] += 1
        # At most 5 of 8 slots are used: two probes on average.
        if self._used[place] * 8 > len(shard) * 5:
            self._shards[place] = self._grown(shard)
        return number - 1

    def _slot(self, shard: array[int], hashed: int, identity: bytes) -> int:
        """Return the slot of an identity, or the free slot for it."""
        ids = self._ids
        mask = len(shard) - 1
        slot = (hashed >> 8) & mask
        while True:
            number = shard[slot]
            # Without a copy, as a slice would be.
            if not number or ids.startswith(identity, ID_BYTES * (number - 1)):
                return slot
            slot = (slot + 1) & mask

    def _grown(self, shard: array[int]) -> array[int]:
        grown = array("I", bytes(8 * len(shard)))
        mask = len(grown) - 1
        for number in shard:
            if number:
                slot = (hash(self.identity(number - 1)) >> 8) & mask
                while grown[slot]:
                    slot = (slot + 1) & mask
                grown[slot] = number
        return grown
