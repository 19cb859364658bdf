"""Flat format: one object without nested objects, for tables and automation tools.

Every event of a type has the same names in the same order, even for absent values: tools learn the
names from the first event. Lists of texts become one text. Maps, to which services add freely, and
lists of objects come last.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

from plaudit.events.avro.avro import Names, Node, kind_of
from plaudit.events.catalogue import CATALOGUE
from plaudit.formats.shape import Rendered, Shape

if TYPE_CHECKING:
    from plaudit.events.decoding import Event

JOINT: Final = ", "
_UNNAMED: Final = "testimonial"
"""Its fields keep their own names where these are free."""
_IN_ENVELOPE: Final = frozenset({"event_id", "occurred_at"})


class _Column(NamedTuple):
    name: str
    path: tuple[str, ...]


class _Leaf(NamedTuple):
    path: tuple[str, ...]
    kind: str


class _Table(NamedTuple):
    simple: tuple[_Column, ...]
    maps: tuple[_Column, ...]
    lists: tuple[_Column, ...]


def flatten(event: Event) -> dict[str, Any]:
    """Return an event as one flat object, simple values first."""
    flat: dict[str, Any] = {"id": event.event_id, "type": event.type, "timestamp": event.timestamp}
    if event.type not in CATALOGUE:
        # A notice is flat already.
        return {**flat, **event.data}
    table = _table(event.type)
    for name, path in table.simple:
        flat[name] = _simple(_at(event.data, path))
    for name, path in table.maps:
        free = _at(event.data, path)
        for key, value in free.items() if isinstance(free, dict) else ():
            flat.setdefault(f"{name}_{key}", value)
    for name, path in table.lists:
        flat[name] = _at(event.data, path) or []
    return flat


def _simple(value: object) -> object:
    return JOINT.join(str(each) for each in value) if isinstance(value, list) else value


def _at(data: Mapping[str, Any], path: tuple[str, ...]) -> object:
    found: Any = data
    for name in path:
        if found is None:
            return None
        found = found.get(name)
    return found


@cache
def _table(event_type: str) -> _Table:
    """Return the columns of a type, from its schema."""
    schema = CATALOGUE[event_type].schema
    leaves = list(_leaves(dict(schema), (), Names(schema)))
    # The event's own fields take their names before the fields of its testimonial do.
    leaves.sort(key=lambda leaf: leaf.path[0] == _UNNAMED)
    taken = {"id", "type", "timestamp"}
    found: dict[str, list[_Column]] = {"simple": [], "maps": [], "lists": []}
    for path, kind in leaves:
        bare = "_".join(path[1:] if path[0] == _UNNAMED else path)
        name = bare if bare not in taken else "_".join(path)
        taken.add(name)
        found[kind].append(_Column(name, path))
    return _Table(*map(tuple, found.values()))


def _leaves(node: Node, path: tuple[str, ...], names: Names) -> Iterator[_Leaf]:
    """Yield the paths of values in an event's `data`, and the form of each."""
    node = names.resolve(node)
    if isinstance(node, list):
        node = names.resolve(next(branch for branch in node if branch != "null"))
    match node:
        case {"type": "record", "fields": list(fields)}:
            for field in fields:
                if path or field["name"] != "meta":
                    yield from _leaves(field["type"], (*path, field["name"]), names)
                    continue
                # In a webhook it is flattened into `data`.
                for place, kind in _leaves(field["type"], ("meta",), names):
                    if place[1] not in _IN_ENVELOPE:
                        yield _Leaf(place[1:], kind)
        case {"type": "map"}:
            yield _Leaf(path, "maps")
        case {"type": "array", "items": items} if kind_of(names.resolve(items)) == "record":
            yield _Leaf(path, "lists")
        case _:
            yield _Leaf(path, "simple")


def _render(event: Event, source: str) -> Rendered:
    del source
    return Rendered(orjson.dumps(flatten(event)))


FLAT: Final = Shape("flat", b"application/json", _render)
