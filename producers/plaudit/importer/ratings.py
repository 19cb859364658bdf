"""Ratings as people and platforms write them: numbers, words, stars and percentages."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from pydantic import ValidationError

from plaudit.events.models import Rating
from plaudit.importer.values import BadValue, first_of

_NUMBER: Final = r"\d+(?:[.,]\d+)?"
_WORDS: Final = {
    word: str(number)
    for number, word in enumerate(
        ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    )
}
_WORD: Final = re.compile(rf"\b({'|'.join(_WORDS)})\b")
_RATING: Final = re.compile(
    rf"(?:rated )?({_NUMBER}) ?(?:stars?|points?)?(?: ?(?:/|of|out of) ?({_NUMBER}))?"
    r" ?(?:stars?|points?)?"
)
_PERCENT: Final = re.compile(rf"({_NUMBER}) ?%")
_FULL: Final = "★⭐🌟"
_EMPTY: Final = "☆✩"
_HALF: Final = "½"
_STARS: Final = re.compile(rf"[{_FULL}]*{_HALF}?[{_EMPTY}]*")
_SELECTOR: Final = "\ufe0f"
"""Follows a star that is an emoji."""
_FORMS: Final = "not a rating such as 4, 4,5, 4/5, five, ★★★★☆, 80% or 4 out of 5"


def read_rating(text: str, given: str | None, scale: int) -> Rating:
    """Return the rating.

    Args:
        text: text in the file.
        given: best rating of the row, if the row says so.
        scale: best rating otherwise.

    Raises:
        BadValue: the text is not a rating.
    """
    value, best = _parts(text)
    if best is None and given is not None:
        best = _decimal(given, "rating_scale")
    whole = scale if best is None else int(best)
    if best is not None and best != whole:
        field = "rating_scale"
        raise BadValue(field, "not a whole number")
    try:
        return Rating(value=value, scale_max=whole)
    except ValidationError as error:
        first = first_of(error)
        raise BadValue(f"rating.{first.field}", first.reason) from None


def _parts(text: str) -> tuple[Decimal, Decimal | None]:
    """Return the value, and the best rating if the text names it."""
    form = " ".join(text.replace("_", " ").replace(_SELECTOR, "").lower().split())
    form = _WORD.sub(lambda word: _WORDS[word[1]], form)
    if found := _RATING.fullmatch(form):
        return _decimal(found[1], "rating"), _decimal(found[2], "rating") if found[2] else None
    if found := _PERCENT.fullmatch(form):
        return _decimal(found[1], "rating"), Decimal(100)
    stars = form.replace(" ", "")
    if stars and _STARS.fullmatch(stars):
        return _of_stars(stars)
    field = "rating"
    raise BadValue(field, _FORMS)


def _of_stars(stars: str) -> tuple[Decimal, Decimal | None]:
    """Return value and scale; stars without empty ones do not say how many there could be."""
    halves = stars.count(_HALF)
    empty = sum(stars.count(each) for each in _EMPTY)
    full = len(stars) - halves - empty
    value = Decimal(full) + (Decimal("0.5") if halves else 0)
    return value, Decimal(full + halves + empty) if empty else None


def _decimal(text: str, field: str) -> Decimal:
    if not re.fullmatch(rf"\s*{_NUMBER}\s*", text):
        raise BadValue(field, "not a number")
    return Decimal(text.strip().replace(",", "."))
