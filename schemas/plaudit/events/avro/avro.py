"""Helpers for Avro schemas as parsed JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

Node: TypeAlias = "str | list[Node] | dict[str, Any]"
"""An Avro schema as parsed JSON: a name, a union, or an object."""

PRIMITIVES: Final = frozenset(
    {"null", "boolean", "int", "long", "float", "double", "bytes", "string"}
)
NAMED: Final = frozenset({"record", "enum", "fixed"})


def kind_of(node: Node) -> str:
    """Return the kind of a schema: a primitive's name, `union`, `record`, `enum` and so on.

    Resolve references to named types first.
    """
    match node:
        case str():
            return node
        case list():
            return "union"
        case _:
            return str(node["type"])


def logical_of(node: Node) -> str | None:
    """Return the logical type, or None."""
    return node.get("logicalType") if isinstance(node, dict) else None


def name_of(node: Node) -> str:
    """Return a description for messages: kind, and name if it has one."""
    name = node.get("name") if isinstance(node, dict) else None
    return f"{kind_of(node)} {unqualified(name)}" if name else kind_of(node)


def fields_of(node: Node | None) -> dict[str, dict[str, Any]]:
    """Return a record's fields by name; an empty mapping for None."""
    return {field["name"]: field for field in node["fields"]} if isinstance(node, dict) else {}


def inner_of(node: Node) -> Node:
    """Return the schema of the items of an array or a map."""
    inner: Node = (
        node["items" if kind_of(node) == "array" else "values"] if isinstance(node, dict) else node
    )
    return inner


def same_kind(writer: Node, reader: Node) -> bool:
    """Return whether the reader can read the writer's data, judging by this level alone.

    Neither schema may be a union or a reference (Avro specification, "Schema Resolution").
    """
    kinds = kind_of(writer), kind_of(reader)
    if kinds == ("int", "long"):
        return True
    if kinds[0] != kinds[1]:
        return False
    if not isinstance(writer, dict) or not isinstance(reader, dict):
        return True
    if "decimal" in {logical_of(writer), logical_of(reader)}:
        return bool(writer.get("scale", 0) == reader.get("scale", 0))
    names = unqualified(str(writer.get("name"))), unqualified(str(reader.get("name")))
    return kinds[0] not in NAMED or names[0] == names[1]


def unqualified(name: str) -> str:
    """Return a name without its namespace."""
    return name.rpartition(".")[2]


class Names:
    """Named types of one schema, by the names that its references use."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._nodes: dict[str, dict[str, Any]] = {}
        self._have_bytes: dict[str, bool] = {}
        self._collect(dict(schema))

    def resolve(self, node: Node) -> Node:
        """Resolve a reference; return anything else unchanged.

        Raises:
            KeyError: a name that the schema does not define.
        """
        if isinstance(node, str) and node not in PRIMITIVES:
            return self._nodes[node]
        return node

    def takes_bytes(self, node: Node) -> bool:
        """Return whether each value of a schema takes at least one byte."""
        node = self.resolve(node)
        if not isinstance(node, dict):
            return node != "null"
        match kind_of(node):
            case "fixed":
                return int(node["size"]) > 0
            case "record":
                name = node["name"]
                if name not in self._have_bytes:
                    self._have_bytes[name] = True  # recursive types are rejected elsewhere
                    found = any(self.takes_bytes(field["type"]) for field in node["fields"])
                    self._have_bytes[name] = found
                return self._have_bytes[name]
            case kind:
                return kind != "null"

    def _collect(self, node: Node) -> None:
        match node:
            case str():
                return
            case list():
                for branch in node:
                    self._collect(branch)
            case {"type": "array", "items": inner} | {"type": "map", "values": inner}:
                self._collect(inner)
            case _:
                if node["type"] in NAMED:
                    self._nodes[node["name"]] = node
                for field in node.get("fields", ()):
                    self._collect(field["type"])
