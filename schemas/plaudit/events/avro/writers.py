"""Schemas of foreign writers, made fit for a reader: bounded, checked, and self-contained.

Whoever may write to a registry or to the `schemas` topic decides what stands in a schema. So its
size and depth are limited before anything walks it, and every name is written out in full, with the
types of other subjects put where they are first used.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from fastavro import parse_schema

from plaudit.events.avro.avro import NAMED, PRIMITIVES, Node

MOST_CHARACTERS: Final = 256 * 1024
"""The largest schema of ours has 19,000."""
DEEPEST: Final = 64
"""Objects and lists in each other; ours have 12."""


class SchemaUnfit(ValueError):
    """A text is not a schema that a reader can use; says why."""


def self_contained(schema_json: str, referenced: Iterable[str] = ()) -> dict[str, Any]:
    """Return a record's schema with full names and with every type defined where it is first used.

    Args:
        schema_json: of the record.
        referenced: the schemas that it refers to, each after those that it refers to itself.

    Raises:
        SchemaUnfit: it is not the schema of a record, or it is too large.
    """
    named: dict[str, Any] = {}
    try:
        for each in referenced:
            parse_schema(_bounded(each), named_schemas=named)
        parsed = parse_schema(_bounded(schema_json), named_schemas=named)
    except SchemaUnfit:
        raise
    except Exception as error:  # fastavro raises all sorts for what is not a schema
        raise SchemaUnfit(f"it is not an Avro schema: {error!r}") from error
    if not isinstance(parsed, dict) or parsed.get("type") != "record":
        raise SchemaUnfit("it is not the schema of a record")
    return _Definer(named).defined(parsed)


def _bounded(schema_json: str) -> Any:  # noqa: ANN401 - JSON of any type
    """Parse a schema that is neither too long nor too deep.

    Raises:
        SchemaUnfit: it is.
        ValueError: it is not JSON.
    """
    if len(schema_json) > MOST_CHARACTERS:
        raise SchemaUnfit(f"it has {len(schema_json):,} characters; {MOST_CHARACTERS:,} at most")
    schema = json.loads(schema_json)
    level, depth = [schema], 0
    while level:
        depth += 1
        if depth > DEEPEST:
            raise SchemaUnfit(f"it is nested more than {DEEPEST} levels deep")
        level = [inner for each in level for inner in _inside(each)]
    return schema


def _inside(node: object) -> Iterable[Any]:
    match node:
        case dict():
            return node.values()
        case list():
            return node
        case _:
            return ()


class _Definer:
    """One pass over one schema: a name is defined once, and referred to from then on."""

    def __init__(self, named: Mapping[str, Any]) -> None:
        self._named = named
        self._defined: set[str] = set()

    def defined(self, node: Mapping[str, Any]) -> dict[str, Any]:
        """Return a named type with everything in it resolved; fastavro's own marks are left out."""
        self._defined.add(node["name"])
        out = {key: value for key, value in node.items() if not key.startswith("__")}
        if "fields" in out:
            out["fields"] = [
                {**field, "type": self._resolved(field["type"])} for field in out["fields"]
            ]
        return out

    def _resolved(self, node: Node) -> Node:
        match node:
            case str() if node in PRIMITIVES or node in self._defined:
                return node
            case str():
                return self.defined(self._named[node])
            case list():
                return [self._resolved(branch) for branch in node]
            case {"type": "array", "items": items}:
                return {**node, "items": self._resolved(items)}
            case {"type": "map", "values": values}:
                return {**node, "values": self._resolved(values)}
            case {"type": kind} if kind in NAMED:
                return self.defined(node)
            case {"type": kind} if kind not in PRIMITIVES:
                return self._resolved(kind)  # a reference, or a union, in an object of its own
        return node
