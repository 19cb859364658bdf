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
    """Return what a schema is: a primitive's name, `union`, `record`, `enum`, `array`, …

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


def unqualified(name: str) -> str:
    """Return a name without its namespace."""
    return name.rpartition(".")[2]


class Names:
    """The named types of one schema, by the names that its references use."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._nodes: dict[str, dict[str, Any]] = {}
        self._collect(dict(schema))

    def resolve(self, node: Node) -> Node:
        """Return what a reference refers to, and anything else as it is.

        Raises:
            KeyError: a name that the schema does not define.
        """
        if isinstance(node, str) and node not in PRIMITIVES:
            return self._nodes[node]
        return node

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
