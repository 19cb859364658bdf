"""Delays in their text form: `5s`, `30m`, `24h`, `7d`; `now` is a delay of zero."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_FORM = re.compile(r"(?P<count>[1-9][0-9]{0,5})(?P<unit>ms|s|m|h|d)")
_MILLIS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
LONGEST_MS = 7 * 24 * 3_600_000


class DelayError(ValueError):
    """A delay that can't be parsed. The message names it and the expected form."""


@dataclass(frozen=True, slots=True, order=True)
class Delay:
    """One fixed delay, ordered by length.

    Attributes:
        millis: length in milliseconds; 0 for `now`.
        label: the text as configured; it is the last part of the topic's name.
    """

    millis: int
    label: str

    @classmethod
    def parse(cls, text: str) -> Delay:
        """Read `now`, `250ms`, `5s`, `30m`, `24h` or `7d`.

        Raises:
            DelayError: not of that form, or longer than 7 days.
        """
        label = text.strip()
        if label == NOW.label:
            return NOW
        found = _FORM.fullmatch(label)
        if found is None:
            msg = f"delay {text!r}: write a number and a unit, such as 5s, 30m, 24h or 7d"
            raise DelayError(msg)
        millis = int(found["count"]) * _MILLIS[found["unit"]]
        if millis > LONGEST_MS:
            msg = f"delay {text!r}: longer than 7 days"
            raise DelayError(msg)
        return cls(millis, label)

    def __str__(self) -> str:
        return self.label


NOW = Delay(0, "now")


def parse_delays(text: str) -> tuple[Delay, ...]:
    """Read a comma-separated list such as `5s,5m,30m`; a plain number is in seconds.

    Raises:
        DelayError: an entry is not a delay, or the list is empty.
    """
    delays = tuple(Delay.parse(_with_unit(part)) for part in text.split(",") if part.strip())
    if not delays:
        msg = "delays: the list is empty; write for example 5s,5m,30m"
        raise DelayError(msg)
    return delays


def _with_unit(text: str) -> str:
    # The label is part of a topic's name, so that each delay has a unit.
    return f"{text.strip()}s" if text.strip().isdecimal() else text


def tiers_of(delays: Iterable[Delay]) -> tuple[Delay, ...]:
    """Return the distinct positive delays, shortest first: one retry topic each.

    Raises:
        DelayError: two spellings of one length (`60s` and `1m`) would be two topics.
    """
    by_length: dict[int, Delay] = {}
    for delay in delays:
        twin = by_length.setdefault(delay.millis, delay)
        if twin.label != delay.label:
            msg = f"delays {twin.label!r} and {delay.label!r} are the same length; use one spelling"
            raise DelayError(msg)
    return tuple(sorted(delay for delay in by_length.values() if delay.millis))
