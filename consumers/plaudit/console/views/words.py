"""Texts for states, numbers, durations and times."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from plaudit.store.endpoints.rows import StoredEndpoint
from plaudit.store.log.queries import Attempt
from plaudit.store.log.query import State

SECOND_MS: Final = 1_000
MINUTE_MS: Final = 60_000
HOUR_MS: Final = 3_600_000
DAY_MS: Final = 86_400_000
_UNITS: Final = ((DAY_MS, "d"), (HOUR_MS, "h"), (MINUTE_MS, "min"), (SECOND_MS, "s"))

NOTHING: Final = "\N{EN DASH}"
"""Placeholder for a missing value."""

STATES: Final[Mapping[State, str]] = {
    State.DELIVERED: "delivered",
    State.PENDING: "waiting",
    State.DEAD: "dead letter",
    State.CANCELLED: "cancelled",
}
"""Names of the states."""


@dataclass(frozen=True, slots=True)
class At:
    """A time within a sentence; epoch milliseconds.

    Attributes:
        relative: whether to show it as `3 min ago`, not as the time of day.
    """

    ms: int
    relative: bool = True


Sentence = tuple[str | At, ...]
"""Text with times, which the browser shows in the reader's time zone."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A state, shown as a word with a dot.

    Attributes:
        kind: color: `delivered`, `waiting`, `failed`, `dead` or `quiet`.
        word: the word.
    """

    kind: str
    word: str


def mark_of(latest: Attempt) -> Mark:
    """Return the mark of a delivery."""
    match latest.state:
        case State.DELIVERED:
            return Mark("delivered", "delivered")
        case State.DEAD:
            return Mark("dead", "dead letter")
        case State.CANCELLED:
            return Mark("quiet", "cancelled")
        case State.PENDING:
            failing = latest.outcome == "retrying"
            return Mark("failed", "retrying") if failing else Mark("waiting", "waiting")


def outcome_mark(attempt: Attempt) -> Mark:
    """Return the mark of one attempt."""
    marks = {
        "delivered": Mark("delivered", "delivered"),
        "retrying": Mark("failed", "failed"),
        "dead": Mark("dead", "given up"),
        "gone": Mark("dead", "gone"),
        "diverted": Mark("waiting", "waited"),
    }
    return marks.get(attempt.outcome, Mark("quiet", attempt.outcome))


def endpoint_mark(endpoint: StoredEndpoint, failure_streak: int) -> Mark:
    """Return the mark of an endpoint."""
    if endpoint.status != "active":
        return Mark("dead", "disabled")
    return Mark("failed", "failing") if failure_streak else Mark("delivered", "active")


def duration(millis: float | None) -> str:
    """Return a duration, such as `312 ms`, `1.2 s` or `3 h`."""
    if millis is None:
        return NOTHING
    if millis < SECOND_MS:
        return f"{millis:.0f} ms" if millis >= 1 else "<1 ms"
    if millis < 10 * SECOND_MS:
        return f"{millis / SECOND_MS:.1f} s"
    for unit_ms, name in _UNITS:
        if millis >= unit_ms:
            return f"{millis / unit_ms:.0f} {name}"
    return f"{millis:.0f} ms"


def ago(at_ms: int, now_ms: int) -> str:
    """Return a time relative to now: `just now`, `3 min ago`, `in 12 min`."""
    away = abs(now_ms - at_ms)
    if away < SECOND_MS:
        return "just now"
    text = next(f"{away // unit_ms} {name}" for unit_ms, name in _UNITS if away >= unit_ms)
    return f"in {text}" if at_ms > now_ms else f"{text} ago"


def percent(share: float | None) -> str:
    """Return a share as a percentage that is 100 only if nothing failed."""
    if share is None:
        return NOTHING
    if share >= 1:
        return "100 %"
    return f"{min(share * 100, 99.9):.1f} %"


def plural(number: int, one: str, many: str | None = None) -> str:
    """Return a number with its noun: `1 endpoint`, `1,204 endpoints`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
