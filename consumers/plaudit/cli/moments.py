"""Moments as people give them: RFC 3339, or how long ago."""

from __future__ import annotations

import re
import time
from datetime import datetime
from typing import Final

from plaudit.cli.output import Exit, fail

_AGO: Final = re.compile(r"(?P<count>[1-9][0-9]{0,5})(?P<unit>[smhd])")
_UNIT_MS: Final = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def moment_ms(option: str, text: str | None) -> int | None:
    """Return a moment as epoch milliseconds; a time without a zone is local."""
    if text is None:
        return None
    ago = _AGO.fullmatch(text)
    if ago is not None:
        return int(time.time() * 1_000) - int(ago["count"]) * _UNIT_MS[ago["unit"]]
    try:
        moment = datetime.fromisoformat(text)
        return int(moment.astimezone().timestamp() * 1_000)
    except (ValueError, OverflowError):
        fail(f"{option}: {text!r} is no time such as 2026-11-24T16:00:00Z or 2h", Exit.USAGE)
