"""The list of breaks fits the tree: each line stands where it says, and its tests are there."""

from __future__ import annotations

from pathlib import Path

import pytest

from breaks.one_line import Break
from breaks.promises import BREAKS

TREE = Path(__file__).parents[2]
pytestmark = pytest.mark.tree


@pytest.mark.parametrize("each", BREAKS, ids=lambda each: each.promise)
def test_the_line_behind_a_promise_is_in_the_listed_file(each: Break) -> None:
    whole = (TREE / each.file).read_text(encoding="utf-8")
    assert whole.count(each.old) == 1
    assert each.old != each.new
    compile(whole.replace(each.old, each.new), each.file, "exec")
    file, _, name = each.tests.partition("::")
    assert f"def {name}(" in (TREE / file).read_text(encoding="utf-8") or not name
