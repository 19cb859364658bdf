"""Check whether workers could now read letters that had an unknown schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from plaudit.dlq.letters.letter import Letter
from plaudit.events.decoding import SchemaUnknown, Undecodable
from plaudit.kafka.schemas.late_decoder import LateDecoder
from plaudit.records.names import Header

if TYPE_CHECKING:
    from typing import Self

UNKNOWN: Final = b"schema_unknown"
_STILL: Final = frozenset({"schema_unknown", "unknown_format"})


class SchemaCheck:
    """Looks schemas up; connects on first use.

    Args:
        decoder: decoder with the installation's schemas; `close` closes it.
    """

    def __init__(self, decoder: LateDecoder) -> None:
        self._decoder = decoder

    def is_unknown(self, letter: Letter) -> bool:
        """Return whether a letter would fail again at once, because its schema is still unknown."""
        if letter.raw(Header.REASON) != UNKNOWN:
            return False
        try:
            self._decoder.get().decode(letter.value, lambda: letter.headers)
        except SchemaUnknown:
            return True
        except Undecodable as error:
            return error.reason in _STILL
        return False

    def close(self) -> None:
        """Close the connections, if open."""
        self._decoder.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
