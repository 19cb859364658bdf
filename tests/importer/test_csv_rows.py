"""Every line behind the header of a CSV file is in a row that is read or in one that is kept."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaudit.importer.csv_rows import CsvRows, loose
from plaudit.importer.files import open_file
from plaudit.importer.rows import Read, Row, Unreadable

COLUMNS = ("id", "review", "stars")


def read(text: str, delimiter: str = ",") -> list[Read]:
    header = delimiter.join(COLUMNS)
    return [*CsvRows(io.StringIO(f"{header}\n{text}", newline=""), delimiter, COLUMNS)]


def good(*values: str, line: int) -> Row:
    return Row(line, dict(zip(COLUMNS, values, strict=True)))


def test_a_quote_that_never_closes_costs_its_own_row_only() -> None:
    rows = read('r1,"never closed,5\nr2,Good,4\nr3,Fine,3\n')
    assert rows == [
        Unreadable(2, "a quote opens a text and does not close", 'r1,"never closed,5'),
        good("r2", "Good", "4", line=3),
        good("r3", "Fine", "3", line=4),
    ]


def test_thousands_of_rows_behind_such_a_quote_are_read() -> None:
    many = [f'r{number},"Good, {number}",5' for number in range(5_000)]
    many[9] = 'r9,"never closed,5'
    many[4_000] = 'r4000,"neither,5'
    rows = read("\n".join(many))
    assert [row.line for row in rows if isinstance(row, Unreadable)] == [11, 4_002]
    assert len(rows) == 5_000


@pytest.mark.parametrize(
    ("line", "review"),
    [
        ('r1,"He said "fine" to me",5', 'He said "fine" to me'),
        ('r1,"5" screen",5', '5" screen'),
        ('r1,"a ""b"" and "c" here",5', 'a "b" and "c" here'),
    ],
)
def test_quotes_inside_of_quoted_text_are_read(line: str, review: str) -> None:
    assert read(f"{line}\nr2,Good,4") == [
        good("r1", review, "5", line=2),
        good("r2", "Good", "4", line=3),
    ]


def test_an_ambiguous_row_is_rejected_with_its_whole_text() -> None:
    text = 'r1,"He said "fine", and\nthen, "left"",5'
    rows = read(f"{text}\nr2,Good,4")
    assert rows[0] == Unreadable(2, "a quote inside of a quoted text is not doubled", text)
    assert rows[1:] == [good("r2", "Good", "4", line=4)]


def test_reading_resumes_at_a_row_of_several_lines() -> None:
    rows = read('r1,"open,5\nr2,"two\nlines",4\nr3,Fine,3')
    assert isinstance(rows[0], Unreadable)
    assert rows[1:] == [
        good("r2", "two\nlines", "4", line=4),
        good("r3", "Fine", "3", line=5),
    ]


def test_a_row_whose_quote_swallows_others_is_recovered() -> None:
    rows = read('r1,"open,5\nr2,Good,4\nr3,Fine,"\n')
    assert [row.line for row in rows if isinstance(row, Unreadable)] == [2, 4]
    assert good("r2", "Good", "4", line=3) in rows


def test_spreadsheets_leave_out_and_add_empty_values() -> None:
    assert read("r1,Good\nr2,Good,4,,\n,,\n , ,\n,,,,\nr3,Good,3") == [
        good("r1", "Good", "", line=2),
        good("r2", "Good", "4", line=3),
        good("r3", "Good", "3", line=7),
    ]
    assert read("r1\nr2,a,b,c") == [
        Unreadable(2, "1 values for 3 columns", "r1"),
        Unreadable(3, "4 values for 3 columns", "r2,a,b,c"),
    ]


def test_the_separator_line_and_columns_without_a_name(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("sep=;\nid;;review;\nr1;x;Gut, sehr;\n")
    file = open_file(path)
    assert (file.delimiter, file.columns) == (";", ("id", "column 2", "review", "column 4"))
    [row] = file.rows()
    assert row == Row(3, {"id": "r1", "column 2": "x", "review": "Gut, sehr", "column 4": ""})


def test_the_delimiter_is_counted_outside_of_quotes(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('"a, b, c";id\nx;1\n')
    assert open_file(path).columns == ("a, b, c", "id")


CELL = st.text('ab",;\n é', max_size=5)


@given(st.lists(st.tuples(CELL, CELL, CELL), max_size=6), st.sampled_from(",;"))
def test_the_output_of_a_csv_writer_is_read_unchanged(
    rows: list[tuple[str, str, str]], delimiter: str
) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter).writerows(rows)
    found = read(out.getvalue(), delimiter)
    assert [tuple(row.values.values()) for row in found if isinstance(row, Row)] == [
        row for row in rows if any(map(str.strip, row))
    ]


@given(st.text('a",\n', max_size=60))
def test_no_line_of_any_text_is_lost(text: str) -> None:
    found = read(text)
    kept = "".join(
        row.raw if isinstance(row, Unreadable) else "".join(map(str, row.values.values()))
        for row in found
    )
    assert kept.count("a") == text.count("a")


@given(st.text('a",', max_size=12), st.integers(1, 4))
def test_the_loose_reading_is_that_of_csv_where_csv_is_valid(line: str, width: int) -> None:
    try:
        [values] = csv.reader([line], strict=True)
    except (csv.Error, ValueError):
        return
    found = loose(line, ",", width)
    if found is not None and len(values) == width and '"' not in "".join(values):
        assert found.values == values
