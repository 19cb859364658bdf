"""Every form by its name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from plaudit.formats import cloudevents, flat, slack
from plaudit.formats.shape import Shape

STANDARD: Final = "standard"
"""The form of Standard Webhooks; it is rendered once for all endpoints of an event."""

SHAPES: Final[Mapping[str, Shape]] = {
    shape.name: shape
    for shape in (cloudevents.STRUCTURED, cloudevents.BINARY, flat.FLAT, slack.SLACK)
}
"""The others, rendered for each endpoint."""

FORMATS: Final = (STANDARD, *SHAPES)


class UnknownFormat(ValueError):
    """A form that this release does not have: a newer one may."""

    def __init__(self, name: str) -> None:
        super().__init__(f"format {name!r} is none of {', '.join(FORMATS)}")


def shape_of(name: str) -> Shape | None:
    """Return a form; None for the standard one.

    Raises:
        UnknownFormat: there is none of that name.
    """
    if name == STANDARD:
        return None
    shape = SHAPES.get(name)
    if shape is None:
        raise UnknownFormat(name)
    return shape
