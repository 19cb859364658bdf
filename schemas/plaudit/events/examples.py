"""A valid, filled example of every event type, made from the examples in the schemas.

`plaudit:example` on a field is its example; an example on a record overrides those of nested types.
The schemas are the only source, so the catalogue shows what the schemas define.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from plaudit.events.avro.avro import Names, Node
from plaudit.events.catalogue import EventType, lookup
from plaudit.events.ids import new_event_id
from plaudit.events.models.event import EventModel

PROPERTY: Final = "plaudit:example"


def example(name: str) -> EventModel:
    """Return an example of the event type.

    Raises:
        UnknownEventType: the type does not exist.
    """
    event_type = lookup(name)
    return event_type.model.model_validate(_record(event_type.schema, {}, _names(event_type)))


def example_json(name: str) -> str:
    """Return an example as one line of JSON, which the type's model reads back.

    Raises:
        UnknownEventType: the type does not exist.
    """
    return example(name).model_dump_json()


def fresh_example_json(name: str) -> str:
    """Return an example of now with a new event id, as one line of JSON.

    Two events with one id count as the same: subscribers drop the second.

    Raises:
        UnknownEventType: the type does not exist.
    """
    event = example(name)
    now = datetime.now(UTC).replace(microsecond=0)
    meta = event.meta.model_copy(update={"event_id": new_event_id(), "occurred_at": now})
    return event.model_copy(update={"meta": meta}).model_dump_json()


def _names(event_type: EventType) -> Names:
    return Names(event_type.schema)


def _record(schema: Mapping[str, Any], given: Mapping[str, Any], names: Names) -> dict[str, Any]:
    """Return a record in JSON form; examples from an outer record take precedence."""
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
    """Return the example value of a field that is not null."""
    node = names.resolve(node)
    if isinstance(node, list):
        return names.resolve(next(branch for branch in node if branch != "null"))
    return node
