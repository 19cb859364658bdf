"""Record headers, including malformed ones from other producers."""

from __future__ import annotations

from operator import methodcaller
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from confluent_kafka import Message

Headers = list[tuple[str, bytes]]

_ask: Final = methodcaller("headers")
"""Indirect call of `message.headers()`.

Once a direct call is hot, the interpreter specializes it and skips the check whether the client
raised. The caller would then use the list with the null pointer.
"""


class HeadersUnreadable(ValueError):
    """The client can't read a record's headers, because a header name is not UTF-8."""

    def __init__(self) -> None:
        super().__init__("the name of a header is not UTF-8")


def headers_of(message: Message) -> Headers:
    """Return a record's headers; a header without a value gets an empty one.

    Call it once per message: after a failure, the client returns a list in which a name is a null
    pointer, and reading that crashes the process.

    Raises:
        HeadersUnreadable: a header name is not UTF-8.
    """
    try:
        found = _ask(message)
    except (SystemError, UnicodeError):
        raise HeadersUnreadable from None
    # The client's stub also allows the types that producing accepts.
    pairs = cast("list[tuple[str, bytes | None]] | None", found)
    if not pairs:
        return []
    for pair in pairs:
        if pair[1] is None:
            return [(name, value or b"") for name, value in pairs]
    return cast("Headers", pairs)


def readable_headers(message: Message) -> Headers:
    """Return a record's headers, or none if unreadable; call it once (see `headers_of`)."""
    try:
        return headers_of(message)
    except HeadersUnreadable:
        return []
