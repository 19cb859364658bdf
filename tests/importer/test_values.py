"""Ratings, times and ids are read from the forms in which files have them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaudit.importer.content import id_of_content
from plaudit.importer.errors import ImportRefused
from plaudit.importer.files import open_file
from plaudit.importer.ratings import read_rating
from plaudit.importer.rows import Row
from plaudit.importer.times import ZoneUnknown, reader_of
from plaudit.importer.values import BadValue


@pytest.mark.parametrize(
    ("text", "value", "scale"),
    [
        ("4", "4", 5),
        ("4,5", "4.5", 5),
        ("8/10", "8", 10),
        ("4.0 out of 5 stars", "4", 5),
        ("Rated 3.5 out of 5", "3.5", 5),
        ("5 stars", "5", 5),
        ("4,5/5,0", "4.5", 5),
        ("FIVE", "5", 5),
        ("THREE_STARS", "3", 5),
        ("four out of five", "4", 5),
        ("★★★★☆", "4", 5),
        ("★★★", "3", 5),
        ("★★★½", "3.5", 5),
        ("⭐️⭐️⭐️⭐️⭐️", "5", 5),
        ("80%", "80", 100),
        ("92,5 %", "92.5", 100),
    ],
)
def test_a_rating_is_read(text: str, value: str, scale: int) -> None:
    found = read_rating(text, None, 5)
    assert (found.value, found.scale_max) == (Decimal(value), scale)


@pytest.mark.parametrize("text", ["great", "", "4 of", "--5", "6", "101%", "1/0", "STAR", "★x"])
def test_an_invalid_rating_is_refused(text: str) -> None:
    with pytest.raises(BadValue, match="rating"):
        read_rating(text, None, 5)


def test_the_scale_of_the_row_counts_unless_the_rating_names_one() -> None:
    assert read_rating("8", "10.0", 5).scale_max == 10
    assert read_rating("4/5", "10", 5).scale_max == 5
    with pytest.raises(BadValue, match="rating_scale: not a whole number"):
        read_rating("8", "9.5", 5)
    with pytest.raises(BadValue, match="rating_scale: not a number"):
        read_rating("8", "ten", 5)


UTC_17 = datetime(2026, 1, 15, 17, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("2026-01-15 12:00:00 EST", "%Y-%m-%d %H:%M:%S %Z"),
        ("2026-01-15 12:00:00 America/New_York", "%Y-%m-%d %H:%M:%S %Z"),
        ("15 January 2026, 6pm CET", "%d %B %Y, %I%p %Z"),
        ("2026-01-15 12:00 EST", "%Y-%m-%d %H:%M EST"),
        ("2026-01-15 17:00 UTC", "%Y-%m-%d %H:%M UTC"),
        ("2026-01-15T17:00:00Z", "%Y-%m-%dT%H:%M:%SZ"),
        ("2026-01-15 18:00:00 +0100", "%Y-%m-%d %H:%M:%S %z"),
        ("um 17 Uhr am 15.01.2026", "um %H Uhr am %d.%m.%Y"),
        ("2026-01-15 12:00:00 EST", None),
        ("2026-01-15T17:00:00.123456789Z", None),
        ("1768496400", "epoch"),
    ],
)
@pytest.mark.parametrize("machine", ["America/New_York", "Asia/Tokyo"])
def test_a_zone_counts_wherever_the_machine_is(
    text: str, form: str | None, machine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", machine)
    found = reader_of(() if form is None else (form,))(text)
    assert found.astimezone(UTC).replace(microsecond=0) == UTC_17


@pytest.mark.parametrize("zone", ["BST", "IST", "Mars/Base", "QQT"])
def test_a_zone_without_one_meaning_is_refused(zone: str) -> None:
    with pytest.raises(ZoneUnknown, match=f"zone {zone} (has several meanings|is unknown)"):
        reader_of(("%Y-%m-%d %Z",))(f"2026-01-15 {zone}")
    with pytest.raises(ImportRefused, match=f"--date-format: zone {zone} "):
        reader_of((f"%Y-%m-%d {zone}",))


def test_formats_are_tried_in_order_and_checked_at_once() -> None:
    read = reader_of(("%d.%m.%Y", "%Y-%m-%d"))
    assert read("15.01.2026") == read("2026-01-15") == datetime(2026, 1, 15, tzinfo=UTC)
    with pytest.raises(ImportRefused, match="--date-format '%Q': 'Q' is a bad directive"):
        reader_of(("%Q",))


SAME = {
    "a.csv": "title,body,stars,verified,author.name,extra\nGood, Works ,5.0,TRUE,Ada,\n",
    "a.json": '{"reviews": [{"body": "Works", "title": "Good", "stars": 5, "verified": true, '
    '"author": {"name": "Ada"}, "extra": null}]}',
    "a.jsonl": '{"stars": 5.0, "title": "Good", "body": "Works", "verified": true, '
    '"author": {"name": "Ada"}}\n',
    "a.bad.csv": "title,body,stars,verified,author.name,plaudit_line,plaudit_reason\n"
    "Good,Works,5,true,Ada,7,wrong\n",
}


def test_a_review_without_id_has_one_id_in_every_format(tmp_path: Path) -> None:
    ids = set()
    for name, text in SAME.items():
        (tmp_path / name).write_text(text)
        [row] = open_file(tmp_path / name).rows()
        assert isinstance(row, Row)
        ids.add(id_of_content(row.values))
    assert len(ids) == 1


@given(st.dictionaries(st.text("ab", min_size=1), st.text("05.-x ", max_size=4), max_size=3))
def test_other_content_has_another_id(row: dict[str, str]) -> None:
    kept = {name: value.strip() for name, value in row.items() if value.strip()}
    assert id_of_content(row) == id_of_content(kept)
    assert id_of_content({**row, "more": "1"}) != id_of_content(row)
    assert id_of_content(json.loads(json.dumps(row))) == id_of_content(row)
