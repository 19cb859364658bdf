"""Encoder for many similar events: constant parts are encoded once, the rest is filled in.

A template is an event as nested mappings, with holes where events differ. An import encodes its
reviews this way: most of their fields are the same in every row of a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from plaudit.events.avro.avro import Names, Node, kind_of
from plaudit.events.avro.writer_codegen import Emitter, Unwritable, Write, compiled


class Placeholder(NamedTuple):
    """A place in a template where events differ.

    Attributes:
        name: key of the value in the mapping that fills the template; records are models.
        encoded: whether the value is already encoded as Avro.
    """

    name: str
    encoded: bool = False


def compile_template(schema: Mapping[str, Any], template: Mapping[str, Any]) -> Write:
    """Return a function that encodes an event, with a mapping that fills the holes.

    Args:
        schema: valid and self-contained schema, as parsed JSON.
        template: an event of this schema with all fields.

    Raises:
        Unwritable: the schema uses a type that events do not have, or a hole is not in a record.
    """
    return compiled(_Template(Names(schema), template), dict(schema))


class _Template(Emitter):
    def __init__(self, names: Names, template: Mapping[str, Any]) -> None:
        super().__init__(names, mappings=False)
        self._template = template

    def function(self, schema: Node) -> str:
        """Return the source of `write`, whose argument fills the holes."""
        self._fill(schema, self._template)
        self._flush()
        return self._source()

    def _fill(self, node: Node, part: object) -> None:
        node = self._names.resolve(node)
        match part:
            case Placeholder(name, encoded=True):
                self._pieces.append(f"e[{name!r}]")
            case Placeholder(name):
                self._value(node, f"e[{name!r}]")
            case Mapping() if _has_hole(part):
                self._fill_record(node, part)
            case _:
                write = compiled(Emitter(self._names, mappings=True), node)
                self._pieces.append(repr(write(part)))

    def _fill_record(self, node: Node, part: Mapping[str, Any]) -> None:
        match node:
            case ["null", branch]:
                self._pieces.append(r"b'\x02'")
                node = self._names.resolve(branch)
        if not isinstance(node, dict) or kind_of(node) != "record":
            msg = f"a hole in a {kind_of(node)}; there may be some in records only"
            raise Unwritable(msg)
        for field in node["fields"]:
            self._fill(field["type"], part[field["name"]])


def _has_hole(part: object) -> bool:
    match part:
        case Placeholder():
            return True
        case Mapping():
            return any(_has_hole(each) for each in part.values())
    return False
