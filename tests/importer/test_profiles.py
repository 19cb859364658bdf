"""An export of each platform becomes reviews with `--from`, and no column gets lost silently."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import pytest

from plaudit.bulk.control import Control
from plaudit.events.decoding import EventDecoder
from plaudit.importer.dry_run import dry_run
from plaudit.importer.errors import ImportRefused
from plaudit.importer.files import open_file
from plaudit.importer.mapping import (
    FieldMap,
    field_map,
    load_profile,
    parse_mapping,
    profile_names,
    resolve,
)
from plaudit.importer.names import TargetField
from plaudit.importer.reviews import ReviewMaker
from plaudit.importer.rows import Row
from plaudit.importer.source import Source
from plaudit.records.names import Names

SAMPLES = Path(__file__).with_name("samples")
FIRST_AT = datetime.fromisoformat("2025-03-02T10:12:00Z")
SECOND_AT = datetime.fromisoformat("2025-03-05T17:30:09Z")


class Expected(NamedTuple):
    """The platform's fields in the first two reviews of every sample."""

    platform: str
    ids: tuple[str | None, str | None] = (None, None)
    """None: the export has no id, so that of the content counts."""
    title: str | None = "Solid"
    text: str = "Warm, dry and it lasts"
    rating: float = 5.0
    verified: bool = False
    left_out: int = 0
    dropped: str = ""


EXPECTED = {
    "judgeme.csv": Expected("judge.me", left_out=1, dropped="source"),
    "yotpo.csv": Expected("yotpo", ("301", "302"), verified=True, left_out=1, dropped="Comment"),
    "loox.csv": Expected("loox", ("l-1", "l-2"), None, verified=True, dropped="img"),
    "okendo.csv": Expected(
        "okendo",
        (
            "7f0c2c1e-0001-4000-8000-000000000001",
            "7f0c2c1e-0001-4000-8000-000000000002",
        ),
        verified=True,
        dropped="sku",
    ),
    "stamped.csv": Expected("stamped", ("51", "52"), verified=True, dropped="reply"),
    "trustpilot.csv": Expected("trustpilot", ("64f0a1", "64f0a2"), dropped="Company Response"),
    "google-business.json": Expected(
        "google", ("AbFvOq1", "AbFvOq2"), None, dropped="reviewReply.comment"
    ),
    "google-play.csv": Expected("google-play", ("gp%3AAOq1", None), None, dropped="Device"),
    "shopify.csv": Expected("shopify", left_out=1, dropped="location"),
    "g2.csv": Expected(
        "g2",
        ("7001", "7002"),
        text="What do you like best?\nWarm, dry and it lasts\n\nWhat do you dislike?\nNothing",
        rating=4.5,
        dropped="Company Size",
    ),
    "capterra.csv": Expected(
        "capterra",
        ("9001", "9002"),
        text="Overall Comments\nWarm, dry and it lasts\n\nPros\nFast\n\nCons\nNone",
        dropped="Ease of Use",
    ),
}
EXPECTED["okendo.json"] = EXPECTED["okendo.csv"]._replace(dropped="reply.body")


def opened(path: Path, name: str) -> Source:
    profile = load_profile(name)
    file = open_file(path, list_path=profile.list_path, weight_of=profile.weight_of)
    mapped = resolve(FieldMap(), file.columns, file.seen, profile)
    target = TargetField(uuid4(), uuid4(), ids_from_content=profile.ids_from_content)
    return Source(file, mapped, target)


def test_every_profile_has_a_sample() -> None:
    assert {*profile_names()} == {name.partition(".")[0] for name in EXPECTED}


@pytest.mark.parametrize("name", EXPECTED)
def test_an_export_becomes_its_reviews(name: str) -> None:
    expected = EXPECTED[name]
    source = opened(SAMPLES / name, name.partition(".")[0])
    outcome = dry_run(source, Control())
    assert (outcome.failed, [*outcome.report(9)]) == (0, [])
    assert (outcome.rows, outcome.left_out) == (2 + expected.left_out, expected.left_out)
    assert expected.dropped in source.dropped()
    make = ReviewMaker(source.target, source.mapped, uuid4(), Names(""))
    rows = [row for row in source.file.rows() if isinstance(row, Row)]
    first, second = (
        EventDecoder().decode(make(row.values).record.value).data["testimonial"] for row in rows[:2]
    )
    assert first["content"]["title"] == expected.title
    assert first["content"]["text"] == expected.text
    assert first["rating"] == {"value": expected.rating, "scale_max": 5}
    assert second["rating"]["value"] == 2
    assert first["is_verified"] is expected.verified
    assert not second["is_verified"]
    for found, at, external_id in zip(
        (first, second), (FIRST_AT, SECOND_AT), expected.ids, strict=True
    ):
        written = datetime.fromisoformat(found["source"]["originally_at"]).replace(microsecond=0)
        assert written in {at, at.replace(hour=0, minute=0, second=0)}
        assert found["source"]["platform"] == expected.platform
        assert found["source"]["external_id"] == external_id or external_id is None
    if not name.startswith("google-play"):
        assert (first["customer"]["name"], second["customer"]["name"]) == ("Lena K.", "Marc")


def test_another_file_is_not_an_export_of_the_platform() -> None:
    with pytest.raises(ImportRefused, match="not an export of Trustpilot: it has none of the"):
        opened(SAMPLES / "judgeme.csv", "trustpilot")
    with pytest.raises(ImportRefused, match="--from judgme: there are capterra, g2, "):
        load_profile("judgme")


def test_options_have_priority_over_a_profile_and_a_profile_over_names() -> None:
    profile = load_profile("judgeme")
    file = open_file(SAMPLES / "judgeme.csv")
    asked = field_map({"title": "location"}, {"platform": "shop", "text": "-"})
    mapped = resolve(asked, file.columns, file.seen, profile)
    assert mapped.columns["title"].names == ("location",)
    assert (mapped.values["platform"], mapped.values["text"]) == ("shop", "-")
    assert "text" not in mapped.columns
    assert mapped.left_out == {"curated": ("spam",)}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tables = {}", "tables: there are columns, values"),
        ("columns = 3", r"\[columns\] is not a table"),
        ("[columns]\ntext_ = 'a'", "no field 'text_'; there are text"),
        ("[columns]\ntext = 3", "text is not a text"),
        ("[columns]\ntext = {joins = ['a']}", "text: a table has `join`, or `column` and `find`"),
        ("[columns]\ntext = {column = 'a', find = '('}", "text: find: "),
        ("[columns]\ntext = {column = 'a', find = 'a'}", "text: find: exactly one group"),
        ("rating_scale = '5'", "rating_scale is a number"),
        ("a = ", "not valid TOML"),
    ],
)
def test_an_invalid_mapping_file_is_refused_with_the_place(text: str, said: str) -> None:
    with pytest.raises(ImportRefused, match=f"^m.toml: {said}"):
        parse_mapping("m.toml", text)
