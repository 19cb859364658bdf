"""Validation of foreign writer schemas: bounded, checked, and self-contained.

Anyone with write access to a registry or to the `schemas` topic controls the content of a schema.
So size and depth are checked before anything walks it. Names are expanded in full, and types of
other subjects are inserted at their first use.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from fastavro import parse_schema

from plaudit.events.avro.avro import NAMED, PRIMITIVES, Node

MOST_CHARACTERS: Final = 256 * 1024
"""Maximum characters of a schema; the largest of ours has 19,000."""
DEEPEST: Final = 64
"""Maximum nesting of objects and lists; ours have 12."""


class SchemaUnfit(ValueError):
    """The text is not a usable schema. The message says why."""


def self_contained(schema_json: str, referenced: Iterable[str] = ()) -> dict[str, Any]:
    """Return a record schema with full names and with every type defined at its first use.

    Args:
        schema_json: schema of the record.
        referenced: schemas that it refers to, each after its own references.

    Raises:
        SchemaUnfit: the text is not a record schema, or it is too large.
    """
    named: dict[str, Any] = {}
    try:
        for each in referenced:
            parse_schema(_bounded(each), named_schemas=named)
        parsed = parse_schema(_bounded(schema_json), named_schemas=named)
    except SchemaUnfit:
        raise
    except Exception as error:  # fastavro raises many exceptions for invalid schemas
        raise SchemaUnfit(f"it is not an Avro schema: {error!r}") from error
    if not isinstance(parsed, dict) or parsed.get("type") != "record":
        raise SchemaUnfit("it is not the schema of a record")
    return _Definer(named).defined(parsed)


def _bounded(schema_json: str) -> Any:  # noqa: ANN401 - JSON of any type
    """Parse a schema within the limits of length and depth.

    Raises:
        SchemaUnfit: the schema is too long or too deep.
        ValueError: the text is not JSON.
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
    """One pass over one schema. A name is defined once and referred to afterwards."""

    def __init__(self, named: Mapping[str, Any]) -> None:
        self._named = named
        self._defined: set[str] = set()

    def defined(self, node: Mapping[str, Any]) -> dict[str, Any]:
        """Return a named type with its contents resolved, without fastavro's own annotations."""
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
                return self._resolved(kind)  # a reference or a union inside an object
        return node
