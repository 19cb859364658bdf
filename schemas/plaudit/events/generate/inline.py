"""Conversion of the split sources, which refer to shared types, into self-contained schemas.

A self-contained schema needs no schema references, which registries and tools support unevenly.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, Final, TypeAlias

NAMESPACE: Final = "plaudit.events.v1"
PRIMITIVES: Final = frozenset(
    {"null", "boolean", "int", "long", "float", "double", "bytes", "string"}
)
SOURCE: Final = files("plaudit.events") / "source"

Node: TypeAlias = "str | list[Node] | dict[str, Any]"
"""An Avro schema as parsed JSON: a name, a union, or an object."""


class SourceError(ValueError):
    """A source can't be read. The message names the file and the mistake."""


def read_shared() -> dict[str, dict[str, Any]]:
    """Return the shared named types by name.

    Raises:
        SourceError: a file is not JSON, or its name differs from its type's name.
    """
    return {str(node["name"]): node for node in _read(SOURCE / "shared", _name_of_shared)}


def read_types() -> dict[str, dict[str, Any]]:
    """Return the record of every event type, by type name such as `testimonial.approved`.

    Raises:
        SourceError: a file is not JSON, or its name does not match its record's name.
    """
    folder = SOURCE / "types"
    names = [entry.name.removesuffix(".avsc") for entry in _entries(folder)]
    return dict(zip(names, _read(folder, record_name), strict=True))


def record_name(event_type: str) -> str:
    """Return the record name of an event type: `form.completed` becomes `FormCompleted`."""
    return "".join(word.capitalize() for word in event_type.replace(".", "_").split("_"))


def inline(record: Mapping[str, Any], shared: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return `record` with every shared type defined at its first use.

    Raises:
        SourceError: a type is not defined.
    """
    return _Inliner(shared).named(record)


def render(schema: Mapping[str, Any]) -> str:
    """Return a schema as the text that is shipped, shown and registered."""
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


class _Inliner:
    """One pass over one record. A name is defined once and referred to afterwards."""

    def __init__(self, shared: Mapping[str, Mapping[str, Any]]) -> None:
        self._shared = shared
        self._defined: set[str] = set()

    def named(self, node: Mapping[str, Any]) -> dict[str, Any]:
        """Define a record or an enum; nested ones inherit the namespace of the outermost."""
        nested = bool(self._defined)
        self._defined.add(node["name"])
        out = {key: value for key, value in node.items() if key not in {"fields", "namespace"}}
        if not nested:
            out = {"type": node["type"], "name": node["name"], "namespace": NAMESPACE, **out}
        if node["type"] == "record":
            out["fields"] = [
                {**field, "type": self._resolve(field["type"])} for field in node["fields"]
            ]
        return out

    def _resolve(self, node: Node) -> Node:
        match node:
            case str() if node in PRIMITIVES or node in self._defined:
                return node
            case str():
                if node not in self._shared:
                    msg = f"source/shared: no type {node!r}"
                    raise SourceError(msg)
                return self.named(self._shared[node])
            case list():
                return [self._resolve(branch) for branch in node]
            case {"type": "array"}:
                return {**node, "items": self._resolve(node["items"])}
            case {"type": "map"}:
                return {**node, "values": self._resolve(node["values"])}
            case _:
                return node


def _entries(folder: Traversable) -> list[Traversable]:
    return sorted(folder.iterdir(), key=lambda entry: entry.name)


def _name_of_shared(stem: str) -> str:
    return stem


def _read(folder: Traversable, name_of: Callable[[str], str]) -> Iterator[dict[str, Any]]:
    for entry in _entries(folder):
        stem = entry.name.removesuffix(".avsc")
        try:
            node = json.loads(entry.read_text(encoding="utf-8"))
        except ValueError as error:
            msg = f"source/{folder.name}/{entry.name}: not JSON: {error}"
            raise SourceError(msg) from error
        if node.get("name") != name_of(stem) or node.get("namespace") != NAMESPACE:
            msg = f"source/{folder.name}/{entry.name}: must define {NAMESPACE}.{name_of(stem)}"
            raise SourceError(msg)
        yield node
