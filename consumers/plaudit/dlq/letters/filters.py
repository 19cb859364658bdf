"""Filters of dead letters, and the parser of their text form.

A letter must match all options that are set. Of several values of an option, it must match one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from plaudit.dlq.letters.letter import Letter
from plaudit.events.catalogue import lookup
from plaudit.records.explanations import DEAD_DELIVERIES, DEAD_RECORDS
from plaudit.records.names import Header
from plaudit.records.suggestions import suggestion

_STATUS: Final = re.compile(r"none|[1-5]xx|[1-5][0-9]{2}")
_RANGE: Final = re.compile(r"(?P<least>[0-9]{1,6})?(?P<dash>-)?(?P<most>[0-9]{1,6})?")
_AGO: Final = re.compile(r"(?P<count>[1-9][0-9]{0,5})(?P<unit>[smhd])")
REASONS: Final = frozenset({*DEAD_DELIVERIES, *DEAD_RECORDS})
"""Reason codes that a dead letter can have."""
_UNIT_MS: Final[Mapping[str, int]] = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


class LetterFilterRefused(ValueError):
    """A filter is invalid.

    Attributes:
        option: name of the option.
        problem: the message without the option.
    """

    def __init__(self, option: str, problem: str) -> None:
        super().__init__(f"{option}: {problem}")
        self.option = option
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Range:
    """Whole numbers from `least` to `most`, both included; None is unbounded."""

    least: int | None = None
    most: int | None = None

    def takes(self, number: int) -> bool:
        """Return whether a number is in the range."""
        if self.least is not None and number < self.least:
            return False
        return self.most is None or number <= self.most


@dataclass(frozen=True, slots=True)
class LetterFilter:
    """Conditions for letters; empty or None means any.

    Attributes:
        headers: accepted values of each header.
        statuses: accepted statuses of the last response: `503`, `5xx`, `none`.
        since_ms: earliest time of dead-lettering, inclusive; epoch milliseconds.
        until_ms: latest time of dead-lettering, exclusive.
        attempts: number of HTTP attempts.
        redrives: number of earlier redrives.
        ids: delivery or event ids.
        error: text in the last error, case-insensitive.
    """

    headers: Mapping[str, frozenset[bytes]] | None = None
    statuses: frozenset[str] = frozenset()
    since_ms: int | None = None
    until_ms: int | None = None
    attempts: Range | None = None
    redrives: Range | None = None
    ids: frozenset[bytes] | None = None
    error: str | None = None

    @property
    def is_empty(self) -> bool:
        """Whether the filter matches every letter."""
        return self == LetterFilter()

    def takes(self, letter: Letter) -> bool:
        """Return whether a letter matches."""
        for name, values in (self.headers or {}).items():
            if letter.raw(name) not in values:
                return False
        if self.since_ms is not None and letter.dead_at_ms < self.since_ms:
            return False
        if self.until_ms is not None and letter.dead_at_ms >= self.until_ms:
            return False
        return (
            (not self.statuses or self._status(letter))
            and self._counts(letter)
            and self._listed(letter)
            and self._says(letter)
        )

    def _status(self, letter: Letter) -> bool:
        status = letter.number(Header.LAST_STATUS)
        words = {"none"} if status is None else {str(status), f"{status // 100}xx"}
        return not self.statuses.isdisjoint(words)

    def _counts(self, letter: Letter) -> bool:
        if self.attempts is not None and not self.attempts.takes(letter.attempts):
            return False
        return self.redrives is None or self.redrives.takes(letter.redrives)

    def _listed(self, letter: Letter) -> bool:
        return self.ids is None or letter.key in self.ids or letter.raw("ce_id") in self.ids

    def _says(self, letter: Letter) -> bool:
        if self.error is None:
            return True
        return self.error.lower() in (letter.text(Header.LAST_ERROR) or "").lower()


@dataclass(frozen=True, slots=True)
class FilterOptions:
    """A filter in text form, as in options of the command line or in a policy."""

    workspace: Collection[str] = ()
    endpoint: Collection[str] = ()
    type: Collection[str] = ()
    reason: Collection[str] = ()
    topic: Collection[str] = ()
    status: Collection[str] = ()
    since: str | None = None
    until: str | None = None
    attempts: str | None = None
    redrives: str | None = None
    ids: Collection[str] | None = None
    error: str | None = None


def parse(asked: FilterOptions, now_ms: int) -> LetterFilter:
    """Parse a filter.

    Args:
        asked: the filter in text form.
        now_ms: reference time for ages such as `2h`; epoch milliseconds.

    Raises:
        FilterRefused: a value is invalid; the message names the option and the accepted values.
    """
    headers = {
        Header.WORKSPACE_ID: [_uuid("--workspace", each) for each in asked.workspace],
        Header.ENDPOINT_ID: [_uuid("--endpoint", each) for each in asked.endpoint],
        "ce_type": [_event_type(each) for each in asked.type],
        Header.REASON: [_code("--reason", each) for each in asked.reason],
        Header.ORIGIN_TOPIC: list(asked.topic),
    }
    since_ms, until_ms = (
        moment("--since", asked.since, now_ms),
        moment("--until", asked.until, now_ms),
    )
    if since_ms is not None and until_ms is not None and since_ms >= until_ms:
        raise LetterFilterRefused("--since", f"{asked.since} is not before --until {asked.until}")
    wanted = {
        name: frozenset(value.encode() for value in values)
        for name, values in headers.items()
        if values
    }
    return LetterFilter(
        wanted or None,
        frozenset(_status(each) for each in asked.status),
        since_ms,
        until_ms,
        parse_range("--attempts", asked.attempts),
        parse_range("--redrives", asked.redrives),
        None if asked.ids is None else frozenset(_id(each) for each in asked.ids),
        asked.error or None,
    )


def moment(option: str, text: str | None, now_ms: int) -> int | None:
    """Parse a time or an age; epoch milliseconds.

    Raises:
        FilterRefused: the text is neither.
    """
    if text is None:
        return None
    ago = _AGO.fullmatch(text.strip())
    if ago is not None:
        return now_ms - int(ago["count"]) * _UNIT_MS[ago["unit"]]
    try:
        return int(datetime.fromisoformat(text).astimezone().timestamp() * 1_000)
    except (ValueError, OverflowError):
        problem = (
            f"{text!r} is not a time such as 2026-11-24T16:00:00Z, nor an age such as 2h or 3d"
        )
        raise LetterFilterRefused(option, problem) from None


def is_age(text: str) -> bool:
    """Return whether a text is an age, not a time."""
    return _AGO.fullmatch(text.strip()) is not None


def parse_range(option: str, text: str | None) -> Range | None:
    """Parse `3`, `3-`, `-5` or `3-5`.

    Raises:
        FilterRefused: the text is not a range.
    """
    if text is None:
        return None
    found = _RANGE.fullmatch(text.strip())
    if found is None or not (found["least"] or found["most"]):
        raise LetterFilterRefused(
            option, f"{text!r} is neither a number nor a range such as 3-, -5 or 3-5"
        )
    least = int(found["least"]) if found["least"] else None
    most = int(found["most"]) if found["most"] else None
    if found["dash"] is None:
        most = least
    if least is not None and most is not None and least > most:
        raise LetterFilterRefused(option, f"{text!r} is an empty range")
    return Range(least, most)


def _uuid(option: str, text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise LetterFilterRefused(option, f"{text!r} is not an id such as {_EXAMPLE_ID}") from None


def _event_type(text: str) -> str:
    try:
        return lookup(text).name
    except LookupError as error:
        raise LetterFilterRefused("--type", str(error)) from None


def _code(option: str, text: str) -> str:
    if text not in REASONS:
        raise LetterFilterRefused(option, f"{text!r} is not a reason; {suggestion(text, REASONS)}")
    return text


def _status(text: str) -> str:
    if _STATUS.fullmatch(text) is None:
        raise LetterFilterRefused(
            "--status", f"{text!r} is not a status such as 503 or 5xx, or none for no answer"
        )
    return text


def _id(text: str) -> bytes:
    """Return an id as keys and headers contain it."""
    try:
        return str(UUID(text)).encode()
    except ValueError:
        if re.fullmatch(r"\S+(:[0-9]+){2,3}", text):  # topic:partition:offset:timestamp
            return text.encode()
        raise LetterFilterRefused(
            "--id",
            f"{text[:80]!r} is neither an id such as {_EXAMPLE_ID} nor topic:partition:offset:time",
        ) from None


_EXAMPLE_ID: Final = "7d9f5c1e-52a4-4b0e-9a53-0c6d1f1f2a01"
