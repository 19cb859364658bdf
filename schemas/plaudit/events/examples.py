"""A valid, filled example of every event type, made from the examples in the schemas.

A field's example stands beside it as `plaudit:example`; a record's own overrides those of the types
within it. There is one source: what the catalogue shows is what the schemas say.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from plaudit.events.avro.avro import Names, Node
from plaudit.events.catalogue import EventType, lookup
from plaudit.events.models.event import EventModel

PROPERTY: Final = "plaudit:example"


def example(name: str) -> EventModel:
    """Return an example of that type.

    Raises:
        UnknownEventType: there is none of that name.
    """
    event_type = lookup(name)
    return event_type.model.model_validate(_record(event_type.schema, {}, _names(event_type)))


def example_json(name: str) -> str:
    """Return an example as one line of JSON, which the type's model reads back.

    Raises:
        UnknownEventType: there is none of that name.
    """
    return example(name).model_dump_json()


def _names(event_type: EventType) -> Names:
    return Names(event_type.schema)


def _record(schema: Mapping[str, Any], given: Mapping[str, Any], names: Names) -> dict[str, Any]:
    """Return a record in JSON form: what is given from above goes before the record's own."""
    mine = {**schema.get(PROPERTY, {}), **given}
    filled = {}
    for field in schema["fields"]:
        name = field["name"]
        value = _value(field, mine.get(name), names)
        if value is not None:
            filled[name] = value
    return filled


def _value(field: Mapping[str, Any], given: object, names: Names) -> object:
    node = _filled_branch(field["type"], names)
    if isinstance(node, dict) and node["type"] == "record":
        own = field.get(PROPERTY, {})
        return _record(node, {**own, **(given if isinstance(given, dict) else {})}, names)
    if given is not None:
        return given
    if PROPERTY in field:
        return field[PROPERTY]
    if isinstance(node, dict) and node["type"] == "array":
        items = names.resolve(node["items"])
        if isinstance(items, dict) and items["type"] == "record":
            return [_record(items, {}, names)]
        return []
    if isinstance(node, dict) and node["type"] == "enum":
        # The first symbol is UNKNOWN.
        return node["symbols"][1]
    return field.get("default")


def _filled_branch(node: Node, names: Names) -> Node:
    """Return what stands in a field that is not null."""
    node = names.resolve(node)
    if isinstance(node, list):
        return names.resolve(next(branch for branch in node if branch != "null"))
    return node
