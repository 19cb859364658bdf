"""Conversion of times to text."""

from __future__ import annotations

from datetime import UTC, datetime


def time_text(epoch_ms: int) -> str:
    """Format a time as RFC 3339 with milliseconds, in UTC."""
    moment = datetime.fromtimestamp(epoch_ms / 1_000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
