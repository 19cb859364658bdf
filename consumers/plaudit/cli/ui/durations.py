"""Options that take a duration: `90s`, `15m`, `24h`, `7d`, or plain seconds."""

from __future__ import annotations

import math
from typing import Any, Final

import typer

from plaudit.records.durations import DurationError, duration_text, seconds_of

METAVAR: Final = "DURATION"


def duration_option(
    text: str,
    *names: str,
    default_s: float | None = None,
    least_s: float = 0.0,
    most_s: float = math.inf,
) -> Any:  # noqa: ANN401 - Typer's options are untyped
    """Return an option whose value is in seconds.

    Args:
        text: its help.
        names: its names, if not that of the parameter.
        default_s: its default, for the help.
        least_s: the shortest duration that is allowed.
        most_s: the longest one.
    """

    def parse(given: str | float) -> float:
        try:
            seconds = seconds_of(str(given))
        except DurationError as error:
            raise typer.BadParameter(str(error)) from None
        if not least_s <= seconds <= most_s:
            bound, limit = ("least", least_s) if seconds < least_s else ("most", most_s)
            raise typer.BadParameter(f"must be at {bound} {duration_text(limit)}, not {given}")
        return seconds

    if default_s is not None:
        text = f"{text.rstrip('.')}; {duration_text(default_s)} by default."
    return typer.Option(*names, parser=parse, metavar=METAVAR, help=text, show_default=False)
