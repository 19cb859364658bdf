"""The meaning of a log event, for operators."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["info", "warning", "error", "critical"]


@dataclass(frozen=True, slots=True)
class Meaning:
    """One line of the reference.

    Attributes:
        levels: levels that the event is logged at.
        means: the condition that it reports.
        act: what an operator does about it.
    """

    levels: tuple[Level, ...]
    means: str
    act: str


def info(means: str, act: str = "Nothing to do.") -> Meaning:
    """Return the meaning of an event that is news."""
    return Meaning(("info",), means, act)


def warning(means: str, act: str) -> Meaning:
    """Return the meaning of an event that may need an operator."""
    return Meaning(("warning",), means, act)


def news_or_warning(means: str, act: str) -> Meaning:
    """Return the meaning of an event whose fields decide between info and warning."""
    return Meaning(("info", "warning"), means, act)


def error(means: str, act: str) -> Meaning:
    """Return the meaning of an event that needs an operator."""
    return Meaning(("error",), means, act)


def critical(means: str, act: str) -> Meaning:
    """Return the meaning of an event after which a process ends."""
    return Meaning(("critical",), means, act)


def warning_or_error(means: str, act: str) -> Meaning:
    """Return the meaning of an event that is worse in some places than in others."""
    return Meaning(("warning", "error"), means, act)
