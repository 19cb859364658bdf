"""Values that can't be parsed, and where they are."""

from __future__ import annotations

from typing import Final

from pydantic import ValidationError

from plaudit.records.validation import explained

FOREIGN_BYTES: Final = "has bytes that are invalid in the file's encoding; see --encoding"


class BadValue(ValueError):
    """A value that can't be parsed.

    Attributes:
        field: the review field that it belongs to.
        reason: what is wrong with the value.
    """

    def __init__(self, field: str, reason: str) -> None:
        self.field = field
        self.reason = reason
        super().__init__(f"{field}: {reason}")


class MissingId(BadValue):
    """A row has no id, and the user did not choose ids from the content."""

    def __init__(self) -> None:
        super().__init__("external_id", "missing")

    def __str__(self) -> str:
        """Return what is missing, and the options that help."""
        return "external_id is missing (use --ids-from-content, or --map external_id=COLUMN)"


def first_of(error: ValidationError) -> BadValue:
    """Return the first error that a model reports; `field` is where."""
    first = error.errors(include_url=False, include_context=False)[0]
    return BadValue(
        ".".join(str(part) for part in first["loc"]), explained(first, quotes_text=False)
    )
