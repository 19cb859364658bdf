"""Suggestions for a misspelled name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Final

_MOST_LISTED: Final = 40


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return `did you mean …?` for the closest known name, or else the known names."""
    names = sorted(known)
    close = difflib.get_close_matches(word, names, 1)
    if close:
        return f"did you mean {close[0]}?"
    more = ", …" if len(names) > _MOST_LISTED else ""
    return f"known are {', '.join(names[:_MOST_LISTED])}{more}"
