"""Schemas of an AsyncAPI document that several events share: each stands once, under components."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from plaudit.events.avro.avro import NAMED, Node

AVRO: Final = "application/vnd.apache.avro+json;version=1.9.0"
_AT: Final = "#/components/schemas"


class SharedAvro:
    """Named types that occur, identically, several times in one Avro schema or in several.

    A reader that resolves the references gets the shipped schemas, word for word.

    Args:
        schemas: schemas of all events.
    """

    def __init__(self, schemas: Iterable[Mapping[str, Any]]) -> None:
        found = Counter(
            _text(part)
            for schema in schemas
            for field in schema["fields"]
            for part in _named(field["type"])
        )
        self._names: dict[str, str] = {}
        for text in sorted(each for each, count in found.items() if count > 1):
            self._names[text] = self._free(f"{json.loads(text)['name']}Avro")

    @property
    def components(self) -> dict[str, Any]:
        """The types, by their names."""
        return {
            name: {"schemaFormat": AVRO, "schema": self._inside(json.loads(text))}
            for text, name in self._names.items()
        }

    def refer(self, schema: Mapping[str, Any]) -> object:
        """Return a schema with references to what it shares."""
        return self._inside(schema)

    def _inside(self, node: object) -> object:
        match node:
            case Mapping():
                return {key: self._referred(each) for key, each in node.items()}
            case list():
                return [self._referred(each) for each in node]
            case _:
                return node

    def _referred(self, node: object) -> object:
        name = self._names.get(_text(node)) if isinstance(node, dict) else None
        return self._inside(node) if name is None else {"$ref": f"{_AT}/{name}/schema"}

    def _free(self, name: str) -> str:
        taken = sum(each.startswith(name) for each in self._names.values())
        return f"{name}{taken + 1}" if taken else name


def _named(node: Node) -> Iterator[dict[str, Any]]:
    match node:
        case list():
            for branch in node:
                yield from _named(branch)
        case {"type": "array", "items": inner} | {"type": "map", "values": inner}:
            yield from _named(inner)
        case dict() if node["type"] in NAMED:
            yield node
            for field in node.get("fields", ()):
                yield from _named(field["type"])


def _text(node: object) -> str:
    return json.dumps(node, ensure_ascii=False)
