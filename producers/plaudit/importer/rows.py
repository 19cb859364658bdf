"""Rows of a file, as its readers yield them."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

Format = Literal["csv", "jsonl", "json"]


class Row(NamedTuple):
    """A row of the file.

    Attributes:
        line: the line on which it ends, or the item's number in a JSON list.
        values: values by column.
    """

    line: int
    values: dict[str, Any]


class Unreadable(NamedTuple):
    """A row that can't be read.

    Attributes:
        line: the line on which it was found to be invalid, or the item's number in a JSON list.
        reason: what is wrong with it.
        raw: its text in the file.
    """

    line: int
    reason: str
    raw: str


Read = Row | Unreadable
