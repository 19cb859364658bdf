"""Time parameters of queries: RFC 3339, or an age."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from plaudit.api.problems import Refused
from plaudit.dlq.letters.filters import LetterFilterRefused, moment
from plaudit.records.times import wall_ms

Moment = Annotated[str | None, Query(max_length=40, description="RFC 3339, or an age such as 2h.")]


def epoch_ms(field: str, text: str | None) -> int | None:
    """Parse a time; None stays None.

    Raises:
        Refused: the text is not a time.
    """
    try:
        return moment(field, text, wall_ms())
    except LetterFilterRefused as error:
        raise Refused(422, error.problem, field=field) from None
