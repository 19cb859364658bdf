"""Plain words for pydantic's messages: settings, options and files of users speak the same."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final

_WORDS: Final = (
    (r"Value error, (.*)", r"\1"),
    (r"Assertion failed, (.*)", r"\1"),
    (r"Field required", "missing"),
    (r"Extra inputs are not permitted", "not a known name"),
    (r"Unable to extract tag using discriminator '(\w+)'", r"`\1` is missing"),
    (r"Input should be a valid integer.*", "not a whole number"),
    (r"Input should be a valid (number|decimal).*", "not a number"),
    (r"Input should be a finite number", "not a finite number"),
    (r"Input should be a valid boolean.*", "neither true nor false"),
    (r"Input should be a valid string", "not a text"),
    (r"Input should be a valid (tuple|list|array)", "not a list"),
    (r"Input should be a valid (dictionary|mapping|dict).*", "not a mapping of names to values"),
    (r"Input should be a valid UUID.*", "not a UUID"),
    (r"Input should be greater than or equal to (.*)", r"must be at least \1"),
    (r"Input should be less than or equal to (.*)", r"must be at most \1"),
    (r"Input should be greater than (.*)", r"must be over \1"),
    (r"Input should be less than (.*)", r"must be under \1"),
    (r"Input should be (.*)", r"must be \1"),
    (r"String should match pattern '\^\((\w+(?:\|\w+)+)\)\$'", r"must be one of \1"),
    (r"String should match pattern '\^\[\^\\x00\]\*\$'", "contains a NUL character"),
    (r"String should match pattern .*", "not in the form that is expected here"),
    (r"(?:String|List|Tuple) should have at least 1 (character|item).*", "must not be empty"),
    (r"(?:String|List|Tuple) should have at most (\d+ \w+).*", r"has more than \1"),
    (r"(?:String|List|Tuple) should have at least (\d+ \w+).*", r"has less than \1"),
)
_PATTERNS: Final = [(re.compile(pattern, re.DOTALL), words) for pattern, words in _WORDS]
_TAG: Final = re.compile(
    r"Input tag '(?P<given>.*?)' found using '(?P<name>\w+)' does not match any of the expected "
    r"tags: (?P<known>.*)"
)

_BOUNDS: Final = frozenset(
    {"greater_than", "greater_than_equal", "less_than", "less_than_equal", "multiple_of"}
)
"""Kinds of errors whose input is a number."""
_UNREADABLE: Final = frozenset(
    {"int_parsing", "int_from_float", "float_parsing", "finite_number", "bool_parsing"}
)
"""Kinds of errors whose input is not a number, or not a truth value."""
_MOST_SHOWN: Final = 40
"""Characters of an input in a message."""


def explained(error: Mapping[str, object], *, quotes_text: bool = True) -> str:
    """Return an error of pydantic in plain words, with the number that was given.

    Args:
        error: one of `ValidationError.errors()`, with its input.
        quotes_text: whether a text that is not a number may be shown. It is False for settings,
            where a secret may be in the wrong variable, and for events, which are personal.
    """
    words, given = in_words(str(error["msg"])), error.get("input")
    if not isinstance(given, str | int | float | Decimal):
        return words
    shown = str(given).strip()[:_MOST_SHOWN]
    if error["type"] in _BOUNDS:
        return f"{words}, not {shown}"
    if error["type"] in _UNREADABLE and quotes_text:
        return f"{shown!r} is {words}"
    return words


def in_words(message: str) -> str:
    """Return a message of pydantic in plain words; any other text stays."""
    tag = _TAG.fullmatch(message)
    if tag is not None:
        # Members of enumerations are written as Python shows them.
        known = ", ".join(re.findall(r"'([^']*)'", tag["known"]))
        return f"`{tag['name']}` {tag['given']!r} is not one of {known}"
    for pattern, words in _PATTERNS:
        found = pattern.fullmatch(message)
        if found is not None:
            return found.expand(words)
    return message


def place_of(location: Iterable[str | int]) -> str:
    """Return the place of an error, such as `endpoints[1].types`."""
    place = ""
    for part in location:
        dot = "." if place else ""
        place += f"[{part}]" if isinstance(part, int) else f"{dot}{part}"
    return place
