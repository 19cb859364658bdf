"""Whatever a file holds, an import of it takes bounded memory and time."""

from __future__ import annotations

import json
import stat
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaudit.bulk.nesting import MOST, Nesting, TooDeep, check_depth
from plaudit.importer.bounds import LONGEST_FIELD, LONGEST_ROW
from plaudit.importer.cells import neutral, original
from plaudit.importer.errors import ImportRefused
from plaudit.importer.files import open_file
from plaudit.importer.rejects import Rejects
from plaudit.importer.rows import Row, Unreadable

GOOD = {"id": "1", "text": "good"}
BIG = LONGEST_ROW + 70_000
LONG = b'"%s",' % (b"x" * 1_000)

HOSTILE_JSON: dict[str, tuple[Callable[[], bytes], str]] = {
    "nested lists": (lambda: b'[{"a":' + b"[" * 500_000, "item 1: nested more than 64 levels"),
    "nested objects": (lambda: b'{"a":' * 500_000, "item 1: nested more than 64 levels"),
    "nested, behind a good one": (
        lambda: b'[{"id":"1"},' + b"[" * 500_000,
        "nested more than 64 levels",
    ),
    "a long text": (lambda: b'[{"a":"' + b'\\"' * BIG, "a text of more than 1,048,576 bytes"),
    "a long name": (lambda: b'[{"' + b"a" * BIG, "a text of more than 1,048,576 bytes"),
    "a long row": (lambda: b'[{"a":[' + LONG * 9_000, "a row of more than 8,388,608 bytes"),
    "blanks": (lambda: b"[" + b" " * BIG, "a row of more than 8,388,608 bytes"),
    "a number for no machine": (
        lambda: b"[{}," * 5 + b" " * 60_000 + b"1" + b"0" * 10_000 + b"]",
        "a number of 1,000 digits or more",
    ),
    "a number with a huge exponent": (
        lambda: b'[{"id":"1","rating":1e4009999999999999999}]',
        "not JSON from here on: an exponent is too large",
    ),
    "much before an empty list": (
        lambda: b'{"a":{' + (b'"d":' + LONG) * 9_000 + b'"c":[]}}',
        r"no list in it has a row; there are a.c \(0 rows\)",
    ),
    "a long row in a list behind another": (
        lambda: b'{"a":[{}],"b":[{"text":"","rating":[' + LONG * 9_000 + b"0]}]}",
        "item 1: a row of more than 8,388,608 bytes",
    ),
}


@pytest.mark.parametrize("name", HOSTILE_JSON)
def test_hostile_json_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    made, reason = HOSTILE_JSON[name]
    path = tmp_path / "a.json"
    path.write_bytes(made())
    tracemalloc.start()
    with pytest.raises(ImportRefused, match=reason) as refused:
        list(open_file(path).rows())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "\n" not in str(refused.value)
    assert peak < 100 * 2**20


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("a.jsonl", '{"a":' + "[" * 900 + "]" * 900 + "}"),
        ("a.jsonl", '{"a":"' + "x" * LONGEST_ROW + '"}'),
        ("a.csv", '1,"' + "x" * (LONGEST_FIELD + 1) + '"'),
        ("a.csv", "1," + "x" * LONGEST_ROW),
        ("a.csv", "1" + "," * LONGEST_ROW),
    ],
)
def test_a_hostile_row_is_reported_with_its_line_and_the_next_is_read(
    tmp_path: Path, name: str, row: str
) -> None:
    good = json.dumps(GOOD) if name == "a.jsonl" else "2,good"
    head = "" if name == "a.jsonl" else "id,text\n"
    path = tmp_path / name
    path.write_text(f"{head}{good}\n{row}\n{good}\n")
    rows = list(open_file(path).rows())
    assert isinstance(rows[0], Row)
    assert isinstance(rows[-1], Row)
    bad = [each for each in rows if isinstance(each, Unreadable)]
    assert bad
    assert bad[0].line >= (2 if name == "a.jsonl" else 3)
    assert all(each.reason and "\n" not in each.reason for each in bad)


def test_a_row_of_many_lines_is_bounded_too(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,text\n1," + ('"' + "x\n" * 50_000 + '",') * 100)
    bad = next(iter(open_file(path).rows()))
    assert isinstance(bad, Unreadable)
    assert "a row of more than 20,000 lines" in bad.reason


def test_a_file_with_too_many_columns_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(",".join(f"c{number}" for number in range(200_000)) + "\n")
    with pytest.raises(ImportRefused, match="line 1: at most 1,000 columns"):
        open_file(path)


def test_a_first_line_without_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("x" * BIG)
    with pytest.raises(ImportRefused, match="more than 8,388,608 characters"):
        open_file(path)


def slow_depth(text: str) -> int:
    """Return how deep a JSON value is, read as JSON."""

    def depth(value: object) -> int:
        match value:
            case dict():
                return 1 + max(map(depth, value.values()), default=0)
            case list():
                return 1 + max(map(depth, value), default=0)
        return 0

    return depth(json.loads(text))


TREES = st.recursive(
    st.none() | st.integers() | st.text('ab"\\[]{},', max_size=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text('"[{\\'), inner),
)


@given(TREES, st.integers(1, 9))
def test_depth_is_the_same_however_the_text_is_cut(tree: object, size: int) -> None:
    text = json.dumps(tree)
    nesting = Nesting()
    deepest = 0
    for start in range(0, len(text), size):
        for end in range(start, min(start + size, len(text))):
            nesting.take(text[end : end + 1].encode())
            deepest = max(deepest, nesting.depth)
    assert (nesting.depth, deepest, nesting.text_bytes) == (0, slow_depth(text), 0)
    cut = Nesting()
    for start in range(0, len(text), size):
        cut.take(text[start : start + size].encode())
    assert (cut.depth, cut.text_bytes) == (0, 0)


def test_as_deep_as_allowed_is_not_too_deep() -> None:
    check_depth(b"[" * MOST + b"]" * MOST)
    check_depth(b'["' + b"[" * 1_000 + b'"]')
    with pytest.raises(TooDeep):
        check_depth(b"[" * (MOST + 1))


@given(st.text("'=+-@\t\rab", max_size=5))
def test_a_neutral_cell_starts_no_formula_and_is_restored(cell: str) -> None:
    assert not neutral(cell).startswith(("=", "+", "-", "@", "\t", "\r"))
    assert original(neutral(cell)) == cell


def test_bad_rows_are_private_run_no_formula_and_are_read_back_unchanged(tmp_path: Path) -> None:
    values = {"id": "=cmd|' /C calc'!A0", "text": "'-quoted", "+stars": "-1"}
    path = tmp_path / "a.bad.csv"
    path.write_text("older, and open to all")
    path.chmod(0o644)
    with Rejects(path, "csv", tuple(values)) as rejects:
        rejects.add(Row(2, values), "@reason")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "'=cmd" in path.read_text()
    file = open_file(path)
    [row] = file.rows()
    assert isinstance(row, Row)
    assert {name: row.values[name] for name in values} == values
    again = tmp_path / "a.bad.bad.csv"
    with Rejects(again, "csv", file.columns) as rejects:
        rejects.add(row, "still bad")
    [last] = open_file(again).rows()
    assert isinstance(last, Row)
    assert last.values == {**values, "plaudit_line": "2", "plaudit_reason": "still bad"}
