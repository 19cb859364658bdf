"""The shape of the code, measured: short functions, modules that fit a screen or two."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.tree

ROOT = Path(__file__).parents[2]
SOURCES = [
    path
    for folder in ("schemas", "producers", "consumers", "tests")
    for path in (ROOT / folder).rglob("*.py")
]
PRODUCT = [path for path in SOURCES if "tests" not in path.relative_to(ROOT).parts]
LONGEST_FUNCTION = 42
P95_FUNCTION = 20
LONGEST_MODULE = 350
LONGEST_TESTS = 400
MOST_PARAMETERS = 8


def functions(path: Path) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{path.relative_to(ROOT)}:{node.lineno} {node.name}", node


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return how many lines the body has, its docstring left out."""
    body = function.body
    if ast.get_docstring(function, clean=False) is not None:
        body = body[1:]
    return 0 if not body else (body[-1].end_lineno or 0) - body[0].lineno + 1


def test_no_function_is_longer_than_forty_two_lines_and_few_than_twenty() -> None:
    lengths = {name: length(each) for path in PRODUCT for name, each in functions(path)}
    assert [name for name, lines in lengths.items() if lines > LONGEST_FUNCTION] == []
    ordered = sorted(lengths.values())
    assert ordered[math.ceil(len(ordered) * 0.95) - 1] <= P95_FUNCTION


def test_no_module_is_longer_than_its_limit() -> None:
    long = {path: len(path.read_text().splitlines()) for path in SOURCES}
    assert [
        f"{path.relative_to(ROOT)}: {lines}"
        for path, lines in long.items()
        if lines > (LONGEST_MODULE if path in PRODUCT else LONGEST_TESTS)
    ] == []


def test_no_constructor_has_more_than_eight_parameters() -> None:
    wide = [
        name
        for path in PRODUCT
        for name, each in functions(path)
        if each.name == "__init__"
        and len(each.args.posonlyargs + each.args.args + each.args.kwonlyargs) - 1 > MOST_PARAMETERS
    ]
    assert wide == []
