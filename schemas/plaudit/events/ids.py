"""Default ids and times for new events."""

from __future__ import annotations

import os
import time
from binascii import hexlify
from datetime import UTC, datetime
from functools import lru_cache
from random import Random
from typing import Final
from uuid import UUID

_VERSION_7 = 0x7 << 76
_VARIANT = 0b10 << 62
_VARIANT_DIGITS = "89ab"
_ENDINGS: Final = tuple(f"{number:03x}" for number in range(4_096))

# Ids must be unique, not secret. Asking the system for each would cost 20 times as much, mostly for
# switching threads. A child process must not continue its parent's sequence.
_random = Random()  # noqa: S311 - as above
os.register_at_fork(after_in_child=_random.seed)


def new_event_id() -> UUID:
    """Return a version 7 UUID (RFC 9562 section 5.7): 48 bits of epoch milliseconds, 74 random."""
    return UUID(int=_version_7())


def new_id_text() -> str:
    """Return a version 7 UUID as text, without making a `UUID`."""
    bits = _random.getrandbits(74)
    digits = f"{bits >> 2:018x}"
    return (
        f"{_time_text(time.time_ns() // 1_000_000)}-7{digits[:3]}"
        f"-{_VARIANT_DIGITS[bits & 3]}{digits[3:6]}-{digits[6:]}"
    )


class IdSequence:
    """Version 7 UUIDs as text, cheaper than `new_id_text`; for one thread of one process.

    Ids of one millisecond share their random bits and end in a counter (RFC 9562 section 6.2,
    method 1); each millisecond has 62 other random bits.
    """

    __slots__ = ("_millis", "_prefix", "_used")

    def __init__(self) -> None:
        self._millis = -1
        self._prefix = ""
        self._used = 0

    def next(self) -> str:
        """Return the next id."""
        millis = time.time_ns() // 1_000_000
        if millis != self._millis or self._used == len(_ENDINGS):
            self._renew(millis)
        ending = _ENDINGS[self._used]
        self._used += 1
        return self._prefix + ending

    def _renew(self, millis: int) -> None:
        bits = _random.getrandbits(62)
        digits = f"{bits >> 2:015x}"
        variant = _VARIANT_DIGITS[bits & 3]
        self._prefix = f"{_time_text(millis)}-7{digits[:3]}-{variant}{digits[3:6]}-{digits[6:]}"
        self._millis, self._used = millis, 0


@lru_cache(maxsize=1)
def _time_text(millis: int) -> str:
    """Return the common prefix of the ids of one millisecond."""
    text = f"{millis & ((1 << 48) - 1):012x}"
    return f"{text[:8]}-{text[8:]}"


def _version_7() -> int:
    millis = time.time_ns() // 1_000_000
    random = _random.getrandbits(74)
    high, low = random >> 62, random & ((1 << 62) - 1)
    return (millis & ((1 << 48) - 1)) << 80 | _VERSION_7 | high << 64 | _VARIANT | low


def utc_now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)


def id_text(value: UUID) -> bytes:
    """Return a UUID as text."""
    return _id_text(value.int)


# A record contains its id and its key twice, and a service has few workspaces and spaces.
@lru_cache(maxsize=1_024)
def _id_text(number: int) -> bytes:
    return uuid_text(number.to_bytes(16))


def uuid_text(value: bytes) -> bytes:
    """Return the bytes of `str(uuid)`, in less than half the time."""
    # Insert a dash after every two bytes, then drop the superfluous ones.
    text = hexlify(value, "-", 2)
    return text[:4] + text[5:29] + text[30:34] + text[35:]
