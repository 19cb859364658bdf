"""Catalogue of payload formats by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from plaudit.formats import cloudevents, flat, slack
from plaudit.formats.shape import Shape

STANDARD: Final = "standard"
"""Name of the Standard Webhooks format, rendered once for all endpoints of an event."""

SHAPES: Final[Mapping[str, Shape]] = {
    shape.name: shape
    for shape in (cloudevents.STRUCTURED, cloudevents.BINARY, flat.FLAT, slack.SLACK)
}
"""The others, rendered for each endpoint."""

FORMATS: Final = (STANDARD, *SHAPES)


class UnknownFormat(ValueError):
    """This release does not have the payload format; a newer one may."""

    def __init__(self, name: str) -> None:
        super().__init__(f"format {name!r} is not one of {', '.join(FORMATS)}")


def shape_of(name: str) -> Shape | None:
    """Return a payload format; None for the standard one.

    Raises:
        UnknownFormat: the format does not exist.
    """
    if name == STANDARD:
        return None
    shape = SHAPES.get(name)
    if shape is None:
        raise UnknownFormat(name)
    return shape
