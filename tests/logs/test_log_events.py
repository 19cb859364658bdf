"""Every line that Plaudit logs is a listed event, and every listed event is logged."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final, get_args

import pytest

from plaudit.logs.catalogue import CATALOGUE
from plaudit.logs.names import LogEvent

ROOT = Path(__file__).parents[2]
SOURCES = [
    path
    for portion in ("schemas", "producers", "consumers")
    for path in sorted((ROOT / portion / "plaudit").rglob("*.py"))
    if "/plaudit/logs/" not in path.as_posix()
]
LEVEL_OF: Final = {
    "info": "info",
    "warning": "warning",
    "error": "error",
    "exception": "error",
    "critical": "critical",
}
UNTYPED: Final = {
    "api/server.py": "a filter on uvicorn's logger",
    "deliver/telemetry/attempt_log.py": "it writes lines of JSON itself, on the hot path",
    "kafka/clients.py": "what librdkafka writes",
    "runtime/logging.py": "sets up the loggers",
}
"""Modules that use loggers of the libraries, with their reasons."""
pytestmark = pytest.mark.tree


def test_names_and_meanings_are_the_same_and_in_order() -> None:
    assert list(get_args(LogEvent)) == list(CATALOGUE) == sorted(CATALOGUE)


def test_each_meaning_is_a_sentence_and_so_is_what_to_do() -> None:
    for name, each in CATALOGUE.items():
        for text in (each.means, each.act):
            assert text[0].isupper() or text[0] == "`", name
            assert text.endswith("."), name
            assert "|" not in text, name


def constants(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_every_event_is_logged_somewhere() -> None:
    found = {text for path in SOURCES for text in constants(ast.parse(path.read_bytes()))}
    assert {name for name in CATALOGUE if name not in found} == set()


def calls() -> Iterator[tuple[str, str, str]]:
    """Yield module, level and event of the calls that name both."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_bytes())):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            if ast.unparse(node.func.value) == "_log" and node.func.attr in LEVEL_OF:
                for event in constants(node.args[0]):
                    yield path.name, LEVEL_OF[node.func.attr], event


def test_events_are_logged_at_the_levels_that_the_reference_names() -> None:
    listed = {str(event): each.levels for event, each in CATALOGUE.items()}
    found = list(calls())
    assert len(found) > 50
    for module, level, event in found:
        assert level in listed[event], f"{module}: {event}"


def test_all_loggers_are_typed_so_that_mypy_refuses_other_names() -> None:
    untyped = {
        "/".join(path.parts[path.parts.index("plaudit", len(ROOT.parts)) + 1 :])
        for path in SOURCES
        if "logging.getLogger(" in path.read_text() or "get_logger(" in path.read_text()
    }
    assert untyped == set(UNTYPED)
