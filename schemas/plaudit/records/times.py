"""The wall clock, and times as text."""

from __future__ import annotations

import time
from datetime import UTC, datetime


def wall_ms() -> int:
    """Return milliseconds since 1970, by this machine's clock."""
    return int(time.time() * 1_000)


def time_text(epoch_ms: int) -> str:
    """Format a time as RFC 3339 with milliseconds, in UTC."""
    moment = datetime.fromtimestamp(epoch_ms / 1_000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
