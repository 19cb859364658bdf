"""A name stands for one thing: one public class of the tree, one module of a package."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

pytestmark = pytest.mark.tree

ROOT = Path(__file__).parents[2]
PORTIONS: Final = ("schemas", "producers", "consumers")
WORD_OF_THE_FIELD: Final = "the word of the field for each of them"
CLASSES: Final[Mapping[str, str]] = {
    "Actor": "of an event, in its schema; of a change, in the audit log",
    "ActorKind": "of an event, in its schema; of a change, in the audit log",
    "Answer": "to a form, in its schema; of an HTTP server, elsewhere",
    "Batch": WORD_OF_THE_FIELD,
    "Connection": WORD_OF_THE_FIELD,
    "Health": "of a process; of an endpoint in the log",
    "Kind": "of dead letters; of deadlines, inside the engine",
    "Names": "of topics; of types in an Avro schema",
    "Origin": "of a delivery in Kafka; of a URL, as RFC 6454 has it",
    "Outcome": "of an attempt; of an imported file",
    "RecordProducer": "a port of the Publisher and one of the import, each with what it needs",
    "Refusal": "of a payload format; of admission",
    "Refused": "a request, by the API; a delivery, by admission",
    "Relay": "of the outbox; of endpoint records",
    "Row": "of a generated page; of the outbox; of an imported file",
    "SchemaLookup": "a port below Kafka, and its implementation on Kafka",
    "Source": "of a testimonial, in its schema; of imported rows",
    "State": "of a circuit breaker; of a delivery in the log",
    "Status": "of a testimonial, in its schema; of an installation",
    "Unreadable": "a row of an import; an endpoint record",
    "Workspace": "a row; the endpoints of one in memory",
}
"""Public class names with more than one class, and why. May only shrink."""
MODULES: Final[Mapping[tuple[str, str], str]] = {
    ("api", "deliveries"): "routes, and the schemas of their bodies",
    ("api", "endpoints"): "routes, and the schemas of their bodies",
    ("cli", "commands"): "of two groups of commands",
    ("cli", "output"): "of every command; of endpoints",
    ("store", "search"): "of the delivery log; of the audit log",
}
"""Module names that a package has more than once, and why."""


def modules() -> Iterator[tuple[str, Path]]:
    """Yield package and file of every module."""
    for portion in PORTIONS:
        root = ROOT / portion / "plaudit"
        for path in root.rglob("*.py"):
            if path.name not in {"__init__.py", "py.typed"}:
                yield path.relative_to(root).parts[0], path


def classes(path: Path) -> Iterator[str]:
    """Yield the names of a module's public classes."""
    for node in ast.parse(path.read_bytes()).body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield node.name


def test_a_public_class_has_a_name_of_its_own() -> None:
    found: dict[str, list[str]] = {}
    for _, path in modules():
        for name in classes(path):
            found.setdefault(name, []).append(path.name)
    several = {name: where for name, where in found.items() if len(where) > 1}
    assert {name: where for name, where in several.items() if name not in CLASSES} == {}


def test_a_module_has_a_name_of_its_own_in_its_package() -> None:
    found: dict[tuple[str, str], int] = {}
    for package, path in modules():
        found[package, path.stem] = found.get((package, path.stem), 0) + 1
    assert {name for name, count in found.items() if count > 1} - set(MODULES) == set()
