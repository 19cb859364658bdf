"""Check of a content filter's fields against the schemas of its event types."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from plaudit.endpoints.filters import FilterRefused
from plaudit.events.catalogue import CATALOGUE
from plaudit.events.docs.json_schema import webhook_schema
from plaudit.records.suggestions import suggestion

_UNFILTERED: Final = "customer.erased"
"""Event type that no filter excludes."""
_MOST_NAMED: Final = 3


def check_fields(content_filter: str | None, types: Sequence[str]) -> None:
    """Check that each field of a filter exists in at least one of the event types.

    Args:
        content_filter: valid filter as JSON; None for none.
        types: event types of the endpoint; none means all.

    Raises:
        FilterRefused: the message names the field and suggests another.
    """
    considered = _considered(types)
    known = frozenset[str]().union(*(_paths(each) for each in considered))
    for where, field in _fields(content_filter):
        if not any(_has(each, field) for each in considered):
            of = ", ".join(types) or "any event type"
            reason = f"{field!r} is not a field of {of}; {_closest(field, known)}"
            raise FilterRefused(where, reason)


def field_warnings(content_filter: str | None, types: Sequence[str]) -> Iterator[str]:
    """Yield a warning for each field that only some of the event types have."""
    considered = _considered(types)
    for _, field in _fields(content_filter):
        without = [each for each in considered if not _has(each, field)]
        if without and len(without) < len(considered):
            more = len(without) - _MOST_NAMED
            listed = ", ".join(without[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
            yield f"{listed} do not have the field {field}: the filter reads null there"


def _considered(types: Sequence[str]) -> list[str]:
    return [each for each in types or CATALOGUE if each != _UNFILTERED] or [*types]


def _fields(content_filter: str | None) -> Iterator[tuple[str, str]]:
    if content_filter is not None:
        yield from _fields_of(json.loads(content_filter), "")


def _fields_of(tree: Mapping[str, Any], where: str) -> Iterator[tuple[str, str]]:
    """Yield the location and the path of each field in a valid filter."""
    if "field" in tree:
        yield f"{where}field", str(tree["field"])
    for group in ("all", "any"):
        for place, each in enumerate(tree.get(group, ())):
            yield from _fields_of(each, f"{where}{group}[{place}].")
    if "not" in tree:
        yield from _fields_of(tree["not"], f"{where}not.")


def _has(event_type: str, field: str) -> bool:
    paths = _paths(event_type)
    parts = field.split(".")
    parents = (".".join(parts[:count]) for count in range(1, len(parts)))
    return field in paths or any(f"{parent}.*" in paths for parent in parents)


@lru_cache(maxsize=64)
def _paths(event_type: str) -> frozenset[str]:
    """Return the paths of an event type's fields; `a.*` for a map with keys of any name."""
    data = webhook_schema(CATALOGUE[event_type])["properties"]["data"]
    return frozenset(_paths_in(data, ""))


def _paths_in(schema: Mapping[str, Any], path: str) -> Iterator[str]:
    if path:
        yield path
    if "items" in schema:
        yield from (each for each in _paths_in(schema["items"], path) if each != path)
    if isinstance(schema.get("additionalProperties"), Mapping):
        yield f"{path}.*"
    for name, inner in schema.get("properties", {}).items():
        yield from _paths_in(inner, f"{path}.{name}" if path else name)


def _closest(field: str, known: frozenset[str]) -> str:
    """Suggest a similar path, or one that ends with the given text."""
    ends = [path for path in known if path.endswith(f".{field}")]
    if ends:
        return f"did you mean {min(ends, key=len)}?"
    near = suggestion(field, known)
    return near if near.startswith("did you mean") else "see `plaudit schemas docs`"
