"""Timeline of a delivery, and the phases of an attempt as a bar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from plaudit.console.views.words import outcome_mark
from plaudit.store.log.queries import Attempt
from plaudit.store.log.query import State

WIDTH: Final = 1_000
_MARGIN: Final = 8
_NEAR: Final = 110
"""Minimum distance of two labels."""


@dataclass(frozen=True, slots=True)
class Point:
    """A point on the timeline.

    Attributes:
        x: position, from 0 to WIDTH.
        kind: color of the dot.
        at_ms: time in epoch milliseconds.
        label: whether its time is shown.
        ahead: whether it is a future attempt.
        title: description for a tooltip and for screen readers.
    """

    x: float
    kind: str
    at_ms: int
    label: bool
    ahead: bool
    title: str


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of an attempt's duration.

    Attributes:
        x: position, from 0 to WIDTH.
        width: share of WIDTH.
    """

    name: str
    millis: float
    x: float
    width: float


def timeline(attempts: Sequence[Attempt]) -> list[Point]:
    """Return the points for the attempts of a delivery, including the next one."""
    latest = attempts[-1]
    due = latest.next_due_at if latest.state is State.PENDING else None
    start = attempts[0].started_at
    end = max(latest.started_at, due or 0)
    scale = (WIDTH - 2 * _MARGIN) / max(1, end - start)
    found = [
        (_MARGIN + (each.started_at - start) * scale, outcome_mark(each), each.started_at)
        for each in attempts
    ]
    points = [
        Point(round(x, 1), mark.kind, at_ms, label=False, ahead=False, title=mark.word)
        for x, mark, at_ms in found
    ]
    if due is not None:
        x = _MARGIN + (max(due, start) - start) * scale
        points.append(Point(round(x, 1), "waiting", due, label=False, ahead=True, title="next"))
    return _labelled(points)


def _labelled(points: Sequence[Point]) -> list[Point]:
    """Return the points, with labels where they do not overlap; the ends take precedence."""
    taken: list[float] = []
    chosen: set[int] = set()
    order = [len(points) - 1, 0, *range(1, len(points) - 1)]
    for index in order:
        x = points[index].x
        if all(abs(x - other) >= _NEAR for other in taken):
            taken.append(x)
            chosen.add(index)
    return [
        Point(each.x, each.kind, each.at_ms, index in chosen, each.ahead, each.title)
        for index, each in enumerate(points)
    ]


def phases(attempt: Attempt) -> list[Phase]:
    """Return the phases of an attempt, in order; empty if nothing was sent."""
    total = attempt.total_ms
    if not total:
        return []
    named = (
        ("look-up", attempt.dns_ms),
        ("connect", attempt.connect_ms),
        ("TLS", attempt.tls_ms),
        ("wait", attempt.first_byte_ms),
    )
    known = [(name, millis) for name, millis in named if millis]
    rest = total - sum(millis for _, millis in known)
    if rest > 0:
        known.append(("read", rest))
    scale = WIDTH / max(total, sum(millis for _, millis in known))
    x = 0.0
    bars = []
    for name, millis in known:
        bars.append(Phase(name, millis, round(x, 1), round(millis * scale, 1)))
        x += millis * scale
    return bars
