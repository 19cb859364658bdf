"""Ids and times that a new event gets when its publisher brings none."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from uuid import UUID

_VERSION_7 = 0x7 << 76
_VARIANT = 0b10 << 62


def new_event_id() -> UUID:
    """Return a version 7 UUID (RFC 9562 section 5.7): 48 bits of epoch milliseconds, 74 random."""
    millis = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    high = (random >> 68) & 0xFFF
    low = random & ((1 << 62) - 1)
    return UUID(int=(millis & ((1 << 48) - 1)) << 80 | _VERSION_7 | high << 64 | _VARIANT | low)


def utc_now() -> datetime:
    """Return the time now, in UTC."""
    return datetime.now(UTC)
