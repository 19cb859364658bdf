"""Generator of JSON Schemas for webhook bodies, from the Avro schemas.

The result describes the output of `rendering`: times as RFC 3339, enums in lower case, decimals as
numbers, and every field present. Subscribers ignore unknown fields, so more fields are allowed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from plaudit.events.avro.avro import NAMED, Names, Node, fields_of, inner_of, kind_of, logical_of
from plaudit.events.catalogue import EventType

JsonSchema = dict[str, Any]

TAGS: Final = "confluent:tags"
PERSONAL: Final = "PII"
_IN_ENVELOPE: Final = frozenset({"event_id", "occurred_at"})
_PLAIN: Final = {"string": "string", "boolean": "boolean", "int": "integer", "long": "integer"}


def webhook_schema(
    event_type: EventType, shared: dict[str, JsonSchema] | None = None
) -> JsonSchema:
    """Return the schema of the body `{"id", "type", "timestamp", "data"}`.

    Args:
        event_type: the event type.
        shared: receives the schemas of named types, which are then referenced in AsyncAPI's form.
            By
        default they are inlined.
    """
    names = _Names(event_type.schema, shared)
    fields = {**fields_of(dict(event_type.schema))}
    meta = fields_of(names.resolve(fields.pop("meta")["type"]))
    data = {name: field for name, field in meta.items() if name not in _IN_ENVELOPE} | fields
    return {
        "type": "object",
        "required": ["id", "type", "timestamp", "data"],
        "properties": {
            "id": {"type": "string", "format": "uuid", "description": meta["event_id"]["doc"]},
            "type": {"const": event_type.name},
            "timestamp": {
                "type": "string",
                "format": "date-time",
                "description": meta["occurred_at"]["doc"],
            },
            "data": _object(data, names, str(event_type.schema["doc"])),
        },
    }


class _Names(Names):
    def __init__(
        self, schema: Mapping[str, Any], shared: dict[str, JsonSchema] | None = None
    ) -> None:
        super().__init__(schema)
        self.shared = shared


def _object(fields: dict[str, dict[str, Any]], names: _Names, doc: str) -> JsonSchema:
    return {
        "type": "object",
        "description": doc,
        "required": list(fields),
        "properties": {name: _field(field, names) for name, field in fields.items()},
    }


def _field(field: dict[str, Any], names: _Names) -> JsonSchema:
    found = _schema(field["type"], names)
    if "$ref" in found:  # JSON Schema ignores keywords beside a reference
        found = {"allOf": [found]}
    found["description"] = field["doc"]
    if PERSONAL in field.get(TAGS, ()):
        found["x-personal-data"] = True
    return found


def _schema(node: Node, names: _Names) -> JsonSchema:
    node = names.resolve(node)
    if names.shared is None or not isinstance(node, dict) or node["type"] not in NAMED:
        return _written(node, names)
    name = str(node["name"])
    if name not in names.shared:
        names.shared[name] = _written(node, names)
    return {"$ref": f"#/components/schemas/{name}"}


def _written(node: Node, names: _Names) -> JsonSchema:
    match kind_of(node), logical_of(node):
        case "union", _:
            return _nullable(_schema(next(each for each in node if each != "null"), names))
        case "record", _:
            doc = node.get("doc", "") if isinstance(node, dict) else ""
            return _object(fields_of(node), names, doc)
        case "enum", _:
            symbols: list[str] = node["symbols"] if isinstance(node, dict) else []
            return {"type": "string", "enum": [symbol.lower() for symbol in symbols]}
        case "array", _:
            return {"type": "array", "items": _schema(inner_of(node), names)}
        case "map", _:
            return {"type": "object", "additionalProperties": _schema(inner_of(node), names)}
        case _, "uuid":
            return {"type": "string", "format": "uuid"}
        case _, "timestamp-micros":
            return {"type": "string", "format": "date-time"}
        case _, "decimal":
            return {"type": "number"}
        case kind, _:
            return {"type": _PLAIN[kind]}


def _nullable(schema: JsonSchema) -> JsonSchema:
    if "$ref" in schema:
        return {"oneOf": [schema, {"type": "null"}]}
    nullable = {**schema, "type": [schema["type"], "null"]}
    if "enum" in schema:
        nullable["enum"] = [*schema["enum"], None]
    return nullable
