"""Where to read on when a group's position is not in the log."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class PastEnd(StrEnum):
    """Where to begin when the position is past the end of the log.

    The log is then not the one that was read: the topic was made again, the cluster was restored,
    or a leader was elected that did not have everything. What it holds may have been delivered or
    not: from the start, nothing is lost and some may be repeated; from the end, nothing is
    repeated and what it holds now is skipped.
    """

    START = "start"
    END = "end"


class Resumption(NamedTuple):
    """Where to read on.

    Attributes:
        offset: the next one to read.
        lost: records, at most, that the log dropped before they were read.
        past_end: whether the position was past the end of the log.
    """

    offset: int
    lost: int = 0
    past_end: bool = False


def resume(position: int, low: int, high: int, choice: PastEnd = PastEnd.START) -> Resumption:
    """Return where to read on.

    Args:
        position: the next offset to read, as the group or the reader remembers it.
        low: the first offset in the log.
        high: the one after the last.
        choice: what to do when the position is past the end.
    """
    if position > high:
        return Resumption(low if choice is PastEnd.START else high, past_end=True)
    return Resumption(max(position, low), lost=max(0, low - position))
