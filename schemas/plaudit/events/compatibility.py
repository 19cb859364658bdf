"""FULL_TRANSITIVE compatibility: each release reads what any other release writes.

The schemas of each release stay in `released/<version>/`. `breaks` compares the current schemas
with all of them, in both directions.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from plaudit.events.avro.reader_codegen import Unresolvable, compile_reader
from plaudit.events.catalogue import CATALOGUE

Released = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""Schemas by version, then by event type."""


@dataclass(frozen=True, slots=True)
class Break:
    """An incompatibility: one of two schema versions can't read the other.

    Attributes:
        event_type: the event type; a removed type breaks every reader that still has its records.
        version: version of the release.
        reason: the path in the schema, and the incompatibility there.
    """

    event_type: str
    version: str
    reason: str

    def __str__(self) -> str:
        return f"{self.event_type}: breaks with release {self.version}: {self.reason}"


def breaks(released: Released | None = None) -> list[Break]:
    """Return every incompatibility between the current schemas and the releases."""
    found: list[Break] = []
    for version, schemas in (read_released() if released is None else released).items():
        for name, schema in schemas.items():
            found += (Break(name, version, reason) for reason in _reasons(name, schema))
    return found


def read_released() -> Released:
    """Return the schemas of every release."""
    folder = files("plaudit.events") / "released"
    return {
        version.name: {
            entry.name.removesuffix(".avsc"): json.loads(entry.read_text(encoding="utf-8"))
            for entry in version.iterdir()
            if entry.name.endswith(".avsc")
        }
        for version in folder.iterdir()
        if version.is_dir()
    }


def _reasons(name: str, released: Mapping[str, Any]) -> Iterator[str]:
    now = CATALOGUE.get(name)
    if now is None:
        yield "the type was removed"
        return
    ways = (
        ("this release can't read what that one writes", released, now.schema),
        ("that release can't read what this one writes", now.schema, released),
    )
    for what, writer, reader in ways:
        try:
            compile_reader(writer, reader)
        except Unresolvable as error:
            yield f"{what}: {error}"
        yield from (f"{what}: {reason}" for reason in _enum_reasons(writer, reader))


def _enum_reasons(writer: Mapping[str, Any], reader: Mapping[str, Any]) -> Iterator[str]:
    """Describe the writer's symbols that the reader neither knows nor has a default for."""
    known = {enum["name"]: enum for enum in _enums(reader)}
    for enum in _enums(writer):
        other = known.get(enum["name"])
        if other is not None and "default" not in other:
            for symbol in enum["symbols"]:
                if symbol not in other["symbols"]:
                    yield f"{enum['name']}.{symbol} is unknown, and the enum has no default"


def _enums(node: object) -> Iterator[Mapping[str, Any]]:
    if isinstance(node, list):
        for inner in node:
            yield from _enums(inner)
    elif isinstance(node, dict):
        if node.get("type") == "enum":
            yield node
        for inner in node.values():
            yield from _enums(inner)
