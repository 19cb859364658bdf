"""Small facts about Avro schemas as parsed JSON."""

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
    """Return what a schema is: a primitive's name, `union`, `record`, `enum`, `array` and so on.

    A reference to a named type is to be resolved before.
    """
    match node:
        case str():
            return node
        case list():
            return "union"
        case _:
            return str(node["type"])


def logical_of(node: Node) -> str | None:
    """Return the logical type, if it has one."""
    return node.get("logicalType") if isinstance(node, dict) else None


def name_of(node: Node) -> str:
    """Return how to call a schema in a message: its kind, and its name if it has one."""
    name = node.get("name") if isinstance(node, dict) else None
    return f"{kind_of(node)} {unqualified(name)}" if name else kind_of(node)


def fields_of(node: Node | None) -> dict[str, dict[str, Any]]:
    """Return a record's fields by name; none of nothing."""
    return {field["name"]: field for field in node["fields"]} if isinstance(node, dict) else {}


def inner_of(node: Node) -> Node:
    """Return what an array or a map holds."""
    inner: Node = (
        node["items" if kind_of(node) == "array" else "values"] if isinstance(node, dict) else node
    )
    return inner


def same_kind(writer: Node, reader: Node) -> bool:
    """Return whether data of one schema can be read as the other's, as far as this level tells.

    Both without unions and references (Avro specification, "Schema Resolution").
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
    """The named types of one schema, by the names that its references use."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._nodes: dict[str, dict[str, Any]] = {}
        self._have_bytes: dict[str, bool] = {}
        self._collect(dict(schema))

    def resolve(self, node: Node) -> Node:
        """Return what a reference refers to, and anything else as it is.

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
                    self._have_bytes[name] = True  # one that contains itself is refused elsewhere
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
