"""Constructs that mypyc reads differently from Python: compiled modules do without them."""

from __future__ import annotations

import ast
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.tree

ROOT = Path(__file__).parents[2]
HOOK: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"][
    "build"
]["targets"]["wheel"]["hooks"]["custom"]
FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef


def errors_by_name(function: FUNCTIONS) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for each in ast.walk(function):
        if isinstance(each, ast.ExceptHandler) and each.name and each.type:
            found[each.name].add(ast.unparse(each.type))
    return found


def untyped_tuples(tree: ast.Module) -> Iterator[str]:
    for each in tree.body:
        if (
            isinstance(each, ast.AnnAssign)
            and isinstance(each.value, ast.Tuple)
            and ast.unparse(each.annotation) == "Final"
            and all(isinstance(part, ast.Constant) for part in each.value.elts)
            and not isinstance(ast.literal_eval(each.value)[0], str | bytes)
        ):
            yield ast.unparse(each.target)


@pytest.mark.parametrize("path", HOOK["modules"])
def test_a_compiled_module_has_one_type_for_each_error_and_each_constant(path: str) -> None:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    # The first `except` settles the type of its name; another error under it is a TypeError.
    functions = [each for each in ast.walk(tree) if isinstance(each, FUNCTIONS)]
    errors = [(each.name, errors_by_name(each)) for each in functions]
    assert [name for name, found in errors if any(len(kinds) > 1 for kinds in found.values())] == []
    # One value of a C number says "not set": a tuple of numbers can look as if it were not.
    assert list(untyped_tuples(tree)) == []
