"""Generator of docs/events.md, the event catalogue, from the schemas."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from plaudit.events.avro.avro import Names, Node, kind_of, logical_of, unqualified
from plaudit.events.catalogue import CATALOGUE, EventType
from plaudit.events.decoding import EventDecoder
from plaudit.events.docs.json_schema import PERSONAL, TAGS
from plaudit.events.encoding import encode
from plaudit.events.examples import example, example_json
from plaudit.events.rendering import render

HEAD: Final = """\
# The event catalogue

Written from the schemas by `plaudit schemas docs`; not to be edited.

What a subscriber gets is `{"id", "type", "timestamp", "data"}`; the tables below describe `data`.
The example "as published" is the `data` of `POST /v1/events`. On one line it is the input of
`plaudit publish`, and `plaudit schemas example TYPE` prints it so. In Kafka the same is Avro:
[Producing in other languages](producing.md).
Times are RFC 3339 in UTC, enums in lower case, what is absent is null. Fields marked **personal**
may hold personal data. Ignore fields that you don't know: some may be added.

Plaudit itself sends operational events, such as `endpoint.disabled`, to the endpoint that a
workspace chooses: [Disable and enable](endpoints.md#disable-and-enable) has their types and fields.
"""


def document() -> str:
    """Return the page, as Markdown."""
    parts = [HEAD, *_contents()]
    shared: dict[str, Mapping[str, Any]] = {}
    for event_type in CATALOGUE.values():
        parts += _event(event_type, shared)
    parts.append("## Parts of several events\n")
    done: set[str] = set()
    while left := sorted(shared.keys() - done):
        for name in left:
            done.add(name)
            parts += _shared(name, shared[name], shared)
    return "\n".join(parts)


def _contents() -> Iterator[str]:
    yield "| type | topic | what it says |"
    yield "|---|---|---|"
    for each in CATALOGUE.values():
        anchor = each.name.replace(".", "")
        first = str(each.schema["doc"]).partition(". ")[0].rstrip(".")
        yield f"| [`{each.name}`](#{anchor}) | `{each.entity}` | {first} |"
    yield ""


def _event(event_type: EventType, shared: dict[str, Mapping[str, Any]]) -> Iterator[str]:
    schema = event_type.schema
    names = Names(schema)
    yield f"## {event_type.name}\n"
    yield f"{schema['doc']}\n"
    yield f"Avro record `{event_type.record}`, keyed by `{'.'.join(event_type.key_path)}`.\n"
    fields = [field for field in schema["fields"] if field["name"] != "meta"]
    yield "All of [EventMeta](#eventmeta) but `event_id` and `occurred_at`, and:\n"
    yield from _fields(fields, names, shared)
    meta = next(field for field in schema["fields"] if field["name"] == "meta")
    _note(meta["type"], names, shared)
    yield from _shown("Example, as delivered", _example(event_type))
    yield from _shown("Example, as published", _published(event_type))


def _shown(title: str, example: str) -> Iterator[str]:
    yield f"<details><summary>{title}</summary>\n"
    yield f"```json\n{example}\n```\n"
    yield "</details>\n"


def _shared(
    name: str, schema: Mapping[str, Any], shared: dict[str, Mapping[str, Any]]
) -> Iterator[str]:
    yield f"### {name}\n"
    yield f"{schema.get('doc', '')}\n"
    if schema["type"] == "enum":
        listed = ", ".join(f"`{symbol.lower()}`" for symbol in schema["symbols"])
        yield f"One of {listed}.\n"
    else:
        yield from _fields(schema["fields"], Names(schema), shared)


def _fields(
    fields: list[Mapping[str, Any]], names: Names, shared: dict[str, Mapping[str, Any]]
) -> Iterator[str]:
    yield "| field | type | meaning |"
    yield "|---|---|---|"
    for field in fields:
        personal = " **personal**" if PERSONAL in field.get(TAGS, ()) else ""
        shown = _type(field["type"], names, shared)
        yield f"| `{field['name']}` | {shown} | {field['doc']}{personal} |"
    yield ""


def _type(node: Node, names: Names, shared: dict[str, Mapping[str, Any]]) -> str:
    if isinstance(node, list):
        [branch] = [each for each in node if each != "null"]
        return f"{_type(branch, names, shared)} or null"
    named = _note(node, names, shared)
    if named is not None:
        return f"[{named}](#{named.lower()})"
    if isinstance(node, dict) and node["type"] == "array":
        return f"list of {_type(node['items'], names, shared)}"
    if isinstance(node, dict) and node["type"] == "map":
        return f"map of {_type(node['values'], names, shared)}"
    match logical_of(node):
        case "uuid":
            return "UUID"
        case "timestamp-micros":
            return "time"
        case "decimal":
            return "number"
    return {"long": "integer", "int": "integer"}.get(kind_of(node), kind_of(node))


def _note(node: Node, names: Names, shared: dict[str, Mapping[str, Any]]) -> str | None:
    """Register a named type for its own section; return its name, None for other types."""
    try:
        resolved = names.resolve(node)
    except KeyError:
        # A reference to a type that another part of the event defines already has its section.
        return unqualified(str(node))
    if isinstance(resolved, dict) and resolved["type"] in {"record", "enum"}:
        name = unqualified(str(resolved["name"]))
        shared.setdefault(name, resolved)
        for field in resolved.get("fields", ()):
            _type(field["type"], names, shared)
        return name
    return None


def _example(event_type: EventType) -> str:
    event = EventDecoder().decode(encode(example(event_type.name)))
    return json.dumps(json.loads(render(event)), indent=2, ensure_ascii=False)


def _published(event_type: EventType) -> str:
    return json.dumps(json.loads(example_json(event_type.name)), indent=2, ensure_ascii=False)
