"""Lists of objects in a JSON document: which of them are the reviews."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import IO, Final

import ijson

from plaudit.importer.bounds import BoundedJson
from plaudit.importer.errors import ImportRefused

SAMPLE: Final = 100
"""Number of rows whose names identify the content of a list."""
MOST_LISTS: Final = 1_000
_MOST_NAMES: Final = 1_000
_ITEM: Final = "item"
_SCALARS: Final = frozenset({"string", "number", "boolean"})


@dataclass(eq=False)
class JsonList:
    """A list in a JSON document.

    Attributes:
        prefix: its path as ijson names it; empty if the document is the list.
        depth: number of open brackets between two of its rows.
        at: number of bytes that were read when it began.
        rows: number of objects in it.
        names: paths of the values in its first objects.
    """

    prefix: str
    depth: int
    at: int
    rows: int = 0
    names: dict[str, None] = field(default_factory=dict)

    @property
    def items(self) -> str:
        """Path of its rows as ijson names it."""
        return f"{self.prefix}.{_ITEM}" if self.prefix else _ITEM

    @property
    def path(self) -> str:
        """Path as `--list` takes it: `response.reviews`, `products[].reviews`."""
        return shown(self.prefix)

    def add(self, name: str) -> None:
        """Note a value of its first objects."""
        if self.rows <= SAMPLE and len(self.names) < _MOST_NAMES:
            self.names[name] = None


WHOLE: Final = JsonList("", 1, 0)
"""The list of a document that is a list."""


def shown(prefix: str) -> str:
    """Return a path as `--list` takes it."""
    parts: list[str] = []
    for part in prefix.split("."):
        if part == _ITEM and parts:
            parts[-1] += "[]"
        else:
            parts.append(part)
    return ".".join(parts)


class ListScan:
    """Search for the lists in a document, and for the names in their objects.

    Of a document that is a list, only the first objects are read.

    Args:
        file: the document.
        whole: whether the document is a list.
    """

    def __init__(self, file: IO[bytes], *, whole: bool) -> None:
        self._bounded = BoundedJson(file, 1) if whole else BoundedJson(file)
        self._found: dict[str, JsonList] = {}
        self._open: list[JsonList] = []
        self._depth = 0

    @property
    def rows(self) -> int:
        """Number of objects that were read in the current list."""
        return self._open[0].rows if self._open else 0

    def run(self) -> list[JsonList]:
        """Return the lists.

        Raises:
            TooDeep: a value is nested too deeply.
            TooLong: a value is too long.
            JSONError: the document is broken.
        """
        for prefix, event, _ in ijson.parse(self._bounded):
            match event:
                case "start_array":
                    self._begin(prefix)
                case "end_array":
                    self._depth -= 1
                    self._open.pop()
                case "start_map":
                    self._depth += 1
                    if self._open and self._row(prefix, self._open[-1]):
                        break
                case "end_map":
                    self._depth -= 1
                case _ if event in _SCALARS:
                    self._name(prefix)
        return list(self._found.values())

    def _begin(self, prefix: str) -> None:
        self._depth += 1
        self._name(prefix)
        found = self._found.get(prefix) or JsonList(prefix, self._depth, self._bounded.taken)
        if len(self._found) < MOST_LISTS:
            self._found[prefix] = found
        self._open.append(found)

    def _row(self, prefix: str, innermost: JsonList) -> bool:
        """Count a row of a list; return whether enough of the document is known."""
        innermost.rows += prefix == innermost.items
        return not innermost.prefix and innermost.rows > SAMPLE

    def _name(self, prefix: str) -> None:
        """Note the name of a value in the list that contains it."""
        if self._open and prefix.startswith(f"{self._open[-1].items}."):
            self._open[-1].add(prefix[len(self._open[-1].items) + 1 :])


def choose(
    lists: Sequence[JsonList], asked: str | None, weight_of: Callable[[Iterable[str]], int]
) -> JsonList:
    """Return the list of reviews.

    Args:
        lists: lists of the document.
        asked: path that the user gave.
        weight_of: returns how closely the names in a list resemble a review; 0: not at all.

    Raises:
        ImportRefused: several lists are candidates, or none is.
    """
    if asked is not None:
        wanted = [each for each in lists if each.path == asked.strip()]
        if not wanted:
            msg = f"--list {asked}: not a list of this file; its lists are {_told(lists)}"
            raise ImportRefused(msg)
        return wanted[0]
    filled = [each for each in lists if each.rows]
    if not filled:
        raise ImportRefused(f"no list in it has a row; there are {_told(lists)}")
    weights = {each.prefix: weight_of(each.names) for each in filled}
    # A list inside of a review, such as its replies, is part of that review.
    outer = [each for each in filled if not _inside(each, filled, weights)]
    best = max(weights[each.prefix] for each in outer)
    chosen = [each for each in outer if weights[each.prefix] == best]
    if len(chosen) > 1 or (best == 0 and len(filled) > 1):
        raise ImportRefused(f"which list has the reviews? choose with --list: {_told(filled)}")
    return chosen[0]


def _inside(inner: JsonList, lists: Iterable[JsonList], weights: dict[str, int]) -> bool:
    return any(
        weights[outer.prefix] and inner.prefix.startswith(f"{outer.items}.") for outer in lists
    )


def _told(lists: Sequence[JsonList], most: int = 8) -> str:
    named = [f"{each.path or '(the document)'} ({each.rows:,} rows)" for each in lists]
    more = f" and {len(named) - most:,} more" if len(named) > most else ""
    return ", ".join(named[:most]) + more
