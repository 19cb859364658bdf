"""Interface of payload formats."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from plaudit.events.decoding import Event


SOURCE: Final = "/plaudit"
"""Source of an event whose record names none."""


class Rendered(NamedTuple):
    """Body and headers of a request in a payload format.

    Attributes:
        body: the body that is signed and sent.
        headers: additional headers.
    """

    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Refusal(Enum):
    """An answer by which a destination says that a retry is useless."""

    REJECTED = "rejected"  # this message
    GONE = "gone"  # any message: disable the endpoint


Render = Callable[["Event", str], Rendered]
"""Renders an event of a source (`ce_source`)."""
Judge = Callable[[int], Refusal | None]
"""Judges a status; None: it means what it means for any endpoint."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A payload format.

    Attributes:
        name: value of an endpoint's `format`.
        content_type: content type of every body.
        render: makes the body.
        judge: meaning of the destination's own answers; None: the usual meaning.
    """

    name: str
    content_type: bytes
    render: Render
    judge: Judge | None = None
