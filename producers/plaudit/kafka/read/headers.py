"""Headers of a record that was read, whatever a foreign producer put into them."""

from __future__ import annotations

from operator import methodcaller
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from confluent_kafka import Message

Headers = list[tuple[str, bytes]]

_ask: Final = methodcaller("headers")
"""A direct call is replaced by the interpreter, once it is a hot one, by one that does not look
whether the client has raised: then the list with the null pointer is taken for the headers."""


class HeadersUnreadable(ValueError):
    """The client can't read a record's headers: the name of one is not UTF-8."""

    def __init__(self) -> None:
        super().__init__("the name of a header is not UTF-8")


def headers_of(message: Message) -> Headers:
    """Return a record's headers; one without a value has an empty one.

    Ask once for each message: after a failure, the client answers with a list in which a name is a
    null pointer, and looking at it ends the process.

    Raises:
        HeadersUnreadable: a name is not UTF-8.
    """
    try:
        found = _ask(message)
    except (SystemError, UnicodeError):
        raise HeadersUnreadable from None
    # The client's stub allows what is taken when producing, too.
    pairs = cast("list[tuple[str, bytes | None]] | None", found)
    return [(name, value or b"") for name, value in pairs or ()]


def readable_headers(message: Message) -> Headers:
    """Return a record's headers, or none where they can't be read; ask once (see `headers_of`)."""
    try:
        return headers_of(message)
    except HeadersUnreadable:
        return []
