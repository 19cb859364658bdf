"""Rows of every kind of file, one at a time; what is not a row is reported with its line."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from plaudit.importer.errors import ImportRefused
from plaudit.importer.files import open_file
from plaudit.importer.rows import Format, Row, Unreadable

ROWS = [{"id": "1", "text": "gut, sagt Jürgen"}, {"id": "2", "text": 'mit "Zeichen"\nund Zeile'}]


def written(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def values(path: Path, **options: Any) -> list[dict[str, Any]]:
    rows = list(open_file(path, **options).rows())
    assert all(isinstance(row, Row) for row in rows), rows
    return [row.values for row in rows if isinstance(row, Row)]


CSV = 'id,text\r\n1,"gut, sagt Jürgen"\r\n\r\n2,"mit ""Zeichen""\nund Zeile"\r\n'
LINES = "\n".join(json.dumps(row, ensure_ascii=False) for row in ROWS) + "\n\n"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", CSV),
        ("a.tsv", CSV.replace("id,text", "id\ttext").replace("1,", "1\t").replace("2,", "2\t")),
        ("a.csv", CSV.replace("id,text", "id;text").replace("1,", "1;").replace("2,", "2;")),
        ("a.jsonl", LINES),
        ("a.json", json.dumps(ROWS)),
        ("a.json", json.dumps({"page": 1, "data": {"reviews": ROWS}}, ensure_ascii=False)),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_rows_are_the_same_in_every_format_and_encoding(
    tmp_path: Path, name: str, text: str, encoding: str
) -> None:
    path = written(tmp_path / name, text.encode(encoding))
    if name.endswith(".json") and encoding == "utf-16":
        with pytest.raises(ImportRefused, match="JSON is UTF-8"):
            open_file(path)
    else:
        assert values(path) == ROWS


def test_an_encoding_without_a_mark_is_named(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", CSV.encode("cp1252"))
    assert values(path, encoding="cp1252") == ROWS
    with pytest.raises(ImportRefused, match="'latin9000' is unknown"):
        open_file(path, encoding="latin9000")


def test_an_invalid_row_is_reported_with_its_line_and_the_rest_is_read(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "id,text\n1,a\n2,b,c\n3\n4,d\n")
    found = list(open_file(path).rows())
    assert [each.line for each in found] == [2, 3, 4, 5]
    assert [isinstance(each, Unreadable) for each in found] == [False, True, True, False]
    lines = written(tmp_path / "a.jsonl", b'{"id": 1}\n{"id"\n[1]\n{"\xff": 1}\n{"id": 2}\n')
    found = list(open_file(lines).rows())
    assert [each.line for each in found if isinstance(each, Unreadable)] == [2, 3, 4]
    assert found[-1] == Row(5, {"id": 2})


@pytest.mark.parametrize("text", ['[{"id": 1}, {"id"', "[1, 2", "nonsense", '{"a": [{"b": 1}, }'])
def test_a_broken_list_is_refused_with_the_item(tmp_path: Path, text: str) -> None:
    path = written(tmp_path / "a.json", text)
    with pytest.raises(ImportRefused, match=r"a\.json: item \d+: not JSON"):
        list(open_file(path).rows())


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.xlsx", "", "none of .csv"),
        ("a.csv", "", "it is empty"),
        ("a.jsonl", "", "it is empty"),
        ("a.csv", "\ufeff", "names no columns"),
        ("a.csv", 'id,"text\n1,a\n', "its first line is not valid CSV"),
        ("a.csv", ",,\n1,2,3\n", "names no columns"),
        ("a.csv", "id,text,id\n", "two columns are called 'id'"),
    ],
)
def test_a_file_that_can_not_contain_reviews_is_refused(
    tmp_path: Path, name: str, text: str, said: str
) -> None:
    with pytest.raises(ImportRefused, match=said):
        open_file(written(tmp_path / name, text))
    with pytest.raises(ImportRefused, match="No such file"):
        open_file(tmp_path / "missing.csv")


@pytest.mark.parametrize("text", ["null", "7", "{}", '{"id": 1, "author": {"name": "A"}}'])
def test_json_without_a_list_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ImportRefused, match=r"a\.json: neither a list of reviews nor"):
        list(open_file(written(tmp_path / "a.json", text)).rows())


def test_a_quoted_name_of_a_column_may_have_two_lines(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", 'id,"text\nof it"\n1,a\n')
    assert values(path) == [{"id": "1", "text\nof it": "a"}]


def test_a_file_that_can_be_read_only_once_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.csv")
    with pytest.raises(ImportRefused, match="not a regular file"):
        open_file(tmp_path / "a.csv")


@pytest.mark.parametrize("delimiter", ["", "ab", "\n", '"'])
def test_an_impossible_delimiter_is_refused(tmp_path: Path, delimiter: str) -> None:
    with pytest.raises(ImportRefused, match="--delimiter: "):
        open_file(written(tmp_path / "a.csv", "id,text\n"), delimiter=delimiter)


@pytest.mark.parametrize("kind", ["csv", "jsonl", "json"])
def test_a_large_file_is_never_held_as_a_whole(tmp_path: Path, kind: Format) -> None:
    tracemalloc = pytest.importorskip("tracemalloc")
    row = {"id": "1", "text": "x" * 1_000}
    some = {
        "csv": "id,text\n" + f"1,{row['text']}\n" * 20_000,
        "jsonl": (json.dumps(row) + "\n") * 20_000,
        "json": "[" + ",".join([json.dumps(row)] * 20_000) + "]",
    }
    path = written(tmp_path / f"a.{kind}", some[kind])
    file = open_file(path)
    del some
    tracemalloc.start()
    assert sum(1 for _ in file.rows()) == 20_000
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2_000_000, "of 20 MB"
