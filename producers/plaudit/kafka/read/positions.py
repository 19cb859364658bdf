"""Choice of the start position when a group's position is not in the log."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class PastEnd(StrEnum):
    """Start position when the group's position is past the end of the log.

    The log is then not the one that the group read: the topic was recreated, the cluster was
    restored, or a leader was elected that lacked records. Its records may or may not have been
    delivered. From the start, nothing is lost and some may be repeated. From the end, nothing is
    repeated and the current records are skipped.
    """

    START = "start"
    END = "end"


class Resumption(NamedTuple):
    """Start position.

    Attributes:
        offset: the next offset to read.
        lost: maximum number of records that the log dropped before they were read.
        past_end: whether the old position was past the end of the log.
    """

    offset: int
    lost: int = 0
    past_end: bool = False


def resume(position: int, low: int, high: int, choice: PastEnd = PastEnd.START) -> Resumption:
    """Return the start position.

    Args:
        position: the next offset to read, as the group or the reader stored it.
        low: the first offset in the log.
        high: the one after the last.
        choice: start position when `position` is past the end.
    """
    if position > high:
        return Resumption(low if choice is PastEnd.START else high, past_end=True)
    return Resumption(max(position, low), lost=max(0, low - position))
