"""The reviews in a JSON document are found by their shape, or the user is asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from plaudit.importer.errors import ImportRefused
from plaudit.importer.files import ReviewFile, open_file
from plaudit.importer.rows import Row

REVIEWS = [{"id": "a1", "rating": 5, "text": "Works"}]


def opened(folder: Path, document: object, **options: Any) -> ReviewFile:
    path = folder / "a.json"
    path.write_text(json.dumps(document))
    return open_file(path, **options)


@pytest.mark.parametrize(
    ("document", "path"),
    [
        (REVIEWS, ""),
        ({"errors": [], "reviews": REVIEWS}, "reviews"),
        ({"links": [{"rel": "next", "href": "x"}], "reviews": REVIEWS}, "reviews"),
        ({"response": {"products": [{"id": 9, "name": "Thing"}], "all": REVIEWS}}, "response.all"),
        ({"errors": [{"message": "a"}], "data": {"items": REVIEWS}}, "data.items"),
        ({"products": [{"name": "T", "reviews": REVIEWS}, {"reviews": REVIEWS}]}, None),
        ({"reviews": [{**REVIEWS[0], "replies": [{"text": "Thanks", "author": "us"}]}]}, "reviews"),
        ({"things": [{"a": 1}]}, "things"),
    ],
)
def test_the_list_of_reviews_is_found(tmp_path: Path, document: object, path: str | None) -> None:
    file = opened(tmp_path, document)
    assert file.found.path == ("products[].reviews" if path is None else path)
    rows = [*file.rows()]
    assert len(rows) == (2 if path is None else 1)
    assert all(isinstance(row, Row) for row in rows)


def test_the_user_chooses_between_equal_lists(tmp_path: Path) -> None:
    document = {"old": REVIEWS, "new": [*REVIEWS, *REVIEWS]}
    with pytest.raises(ImportRefused, match=r"--list: old \(1 rows\), new \(2 rows\)"):
        opened(tmp_path, document)
    file = opened(tmp_path, document, list_path="new")
    assert len([*file.rows()]) == 2
    said = "--list newer: not a list of this file; its lists are old"
    with pytest.raises(ImportRefused, match=said):
        opened(tmp_path, document, list_path="newer")


def test_lists_without_rows_are_not_a_success(tmp_path: Path) -> None:
    with pytest.raises(ImportRefused, match=r"no list in it has a row; there are reviews \(0 row"):
        opened(tmp_path, {"reviews": []})


def test_content_before_the_list_may_be_large(tmp_path: Path) -> None:
    products = [{"name": "x" * 1_000}] * 9_000
    file = opened(tmp_path, {"deep": {"er": {"products": products}}, "reviews": REVIEWS})
    assert [row.line for row in file.rows()] == [1]


def test_names_in_objects_are_paths(tmp_path: Path) -> None:
    row = {"id": 1, "author": {"name": "A"}, "tags": ["x"], "nothing": None}
    file = opened(tmp_path, {"reviews": [row]})
    assert file.seen == ("id", "author.name", "tags")
    lines = tmp_path / "a.jsonl"
    lines.write_text(json.dumps(row))
    assert open_file(lines).seen == file.seen
