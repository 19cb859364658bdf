"""A row becomes an event, always the same for the same review, or says which value is wrong."""

from __future__ import annotations

import io
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaudit.events.catalogue import CATALOGUE
from plaudit.events.decoding import SINGLE_HEAD
from plaudit.events.models import Rating, ReviewImported
from plaudit.importer.columns import FIELDS
from plaudit.importer.errors import ImportRefused
from plaudit.importer.fields import Mapped
from plaudit.importer.mapping import map_columns
from plaudit.importer.names import TargetField
from plaudit.importer.reviews import BadRow, ReviewMaker
from plaudit.importer.values import BadValue
from plaudit.publish.prepare import prepare
from plaudit.records.names import Names

SCHEMA = fastavro.parse_schema(dict(CATALOGUE["review.imported"].schema))
TARGET = TargetField(uuid4(), uuid4())
IMPORT = uuid4()
FULL = {
    "Review ID": "r-1",
    "Review": "Great.",
    "Stars": "4,5",
    "Author": "Ada",
    "E-Mail": "ada@example.com",
    "Date": "2024-02-29",
    "Tags": "fast, friendly;cheap",
    "Verified": "yes",
    "Something else": "ignored",
}


def made(row: dict[str, Any], target: TargetField = TARGET, **options: Any) -> ReviewImported:
    mapped = map_columns(
        list(row), options.pop("columns", {}), options.pop("values", {}), **options
    )
    return event_of(mapped, row, target)


def event_of(mapped: Mapped, row: dict[str, Any], target: TargetField = TARGET) -> ReviewImported:
    """Make the record of a row, and read the event in it with another implementation of Avro."""
    record = ReviewMaker(target, mapped, IMPORT, Names("t."))(row).record
    body: Any = fastavro.schemaless_reader(io.BytesIO(record.value[SINGLE_HEAD:]), SCHEMA, None)
    event = ReviewImported.model_validate(body)
    assert record == prepare(event, Names("t."), "/plaudit/import"), "as a publisher makes it"
    return event


def test_columns_are_known_by_their_names() -> None:
    event = made(FULL, values={"platform": "Google"})
    review = event.testimonial
    assert review.rating is not None
    assert (review.source.platform, review.source.external_id) == ("google", "r-1")
    assert review.source.originally_at == datetime(2024, 2, 29, tzinfo=UTC)
    assert (review.content.text, review.customer.name) == ("Great.", "Ada")
    assert (review.rating.value, review.rating.scale_max) == (Decimal("4.5"), 5)
    assert review.tags == ("fast", "friendly", "cheap")
    assert (review.is_verified, review.status, event.is_backfill) == (True, "PENDING", True)
    assert event.meta.actor.kind == "IMPORTER"


def test_the_same_review_has_the_same_ids_and_others_have_others() -> None:
    def ids(**changed: str) -> tuple[UUID, UUID, UUID]:
        event = made({**FULL, "Platform": "google", **changed})
        customer = event.testimonial.customer.customer_id
        return event.meta.event_id, event.testimonial.testimonial_id, customer

    assert ids() == ids(Review="Edited.")
    different = [ids(), ids(**{"Review ID": "r-2"}), ids(Platform="g2")]
    assert len({each for three in different for each in three}) == 9
    elsewhere = made(FULL, TargetField(TARGET.workspace_id, uuid4()))
    assert elsewhere.meta.event_id != made(FULL).meta.event_id


def test_without_an_id_the_content_may_identify_a_review() -> None:
    row = {"Review": "Great.", "Author": "Ada"}
    with pytest.raises(BadRow, match=r"external_id is missing \(use --ids-from-content"):
        made(row)
    target = TargetField(TARGET.workspace_id, TARGET.space_id, ids_from_content=True)
    assert made(row, target).meta.event_id == made(dict(row), target).meta.event_id
    assert made(row, target).meta.event_id != made({**row, "Author": "B"}, target).meta.event_id


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("Review ID", "", "external_id is missing"),
        ("Stars", "great", "rating: not a rating such as"),
        ("Stars", "7", "rating.value: a rating can't be above"),
        ("Stars", "4.123", "rating.value: "),
        ("Date", "29.02.2024", "originally_at: no time of the form"),
        ("Verified", "perhaps", "is_verified: neither yes nor no"),
        ("Review", "x" * 10_001, "text: "),
        ("Author", "J\udcfcrgen", "customer_name: has bytes that are invalid"),
        ("Author", "A\0da", "customer_name: has a NUL character"),
        ("Author", ["a"], "customer_name: is a list or an object"),
    ],
)
def test_a_bad_value_is_reported_with_its_field(column: str, value: object, said: str) -> None:
    with pytest.raises(BadRow) as caught:
        made({**FULL, column: value})
    assert str(caught.value).startswith(said)


SOME = ["", "5", "4/5", "2024-02-29", "yes", "granted", "a;b", "\udcff", "x" * 10_001]
ANY = st.sampled_from(SOME) | st.text(max_size=9) | st.integers() | st.lists(st.text(max_size=3))
FEW_WRONG = st.fixed_dictionaries(
    {"external_id": st.integers(), "text": st.just("Great.")},
    optional={
        "rating": st.sampled_from(["", "5", "4/5", "9"]),
        "originally_at": st.datetimes().map(str),
        "is_verified": st.booleans(),
        "consent": st.sampled_from(["", "granted"]),
        **dict.fromkeys(("title", "language", "customer_name", "platform", "url", "tags"), ANY),
    },
)


@given(FEW_WRONG, st.sampled_from([*FIELDS]), ANY)
def test_any_row_is_a_valid_event_or_refused(
    row: dict[str, Any], field: str, value: object
) -> None:
    mapped = map_columns(None, {}, {})
    with suppress(BadRow):
        event = event_of(mapped, {**row, field: value})
        assert event.testimonial.source.channel == "IMPORT"


def test_an_error_of_every_row_is_reported_once() -> None:
    with pytest.raises(ImportRefused, match=r"^status: "):
        made(FULL, TargetField(uuid4(), uuid4(), status="lost"))


def test_a_row_without_text_title_and_rating_is_not_a_review() -> None:
    with pytest.raises(BadRow, match="neither text nor title nor rating"):
        made({"id": "1", "author": "Ada"})
    rating = made({"id": "1", "rating": "5/10"}).testimonial.rating
    assert rating == Rating(value=Decimal(5), scale_max=10)


@pytest.mark.parametrize(
    ("text", "form"),
    [("29.02.2024 12:00", "%d.%m.%Y %H:%M"), ("1709208000", "epoch"), ("1709208000000", "epoch")],
)
def test_times_may_have_other_forms(text: str, form: str) -> None:
    event = made({**FULL, "Date": text}, date_format=form)
    assert event.testimonial.source.originally_at == datetime(2024, 2, 29, 12, tzinfo=UTC)


def test_columns_and_values_can_be_named_and_paths_lead_into_objects() -> None:
    row = {"ref": 7, "who": {"name": "Ada"}, "stars": 4, "said": "Great."}
    mapped = map_columns(
        None,
        {"external_id": "ref", "customer_name": "who.name", "rating": "stars", "text": "said"},
        {"platform": "g2", "language": "en"},
    )
    review = event_of(mapped, row).testimonial
    assert (review.source.external_id, review.customer.name) == ("7", "Ada")
    assert (review.source.platform, review.content.language) == ("g2", "en")


def test_a_value_that_the_user_set_wins_over_a_column() -> None:
    row = {"id": "1", "body": "Good", "source": "web"}
    other = {"id": "1", "body": "Good", "source": "email"}
    events = [made(each, values={"platform": "JudgeMe"}) for each in (row, other)]
    assert {event.testimonial.source.platform for event in events} == {"judgeme"}
    assert len({event.meta.event_id for event in events}) == 1
    assert made(row).testimonial.source.platform == "web"
    with pytest.raises(ImportRefused, match="platform: give it a column or a value, not both"):
        made(row, columns={"platform": "source"}, values={"platform": "x"})


def test_a_file_without_a_known_column_is_refused() -> None:
    with pytest.raises(ImportRefused, match=r"no column is known; there are 'a', '\\udcff'; see"):
        map_columns(["a", "\udcff"], {}, {"platform": "google"})


def test_bytes_of_another_encoding_give_no_id() -> None:
    target = TargetField(TARGET.workspace_id, TARGET.space_id, ids_from_content=True)
    named = target.namer(map_columns(["text"], {}, {}))
    with pytest.raises(BadValue, match="external_id: has bytes that are invalid in the file's"):
        named({"text": "M\udcfcller"})


def test_an_unknown_field_or_column_is_reported() -> None:
    with pytest.raises(ImportRefused, match="no field 'tilte'; there are title"):
        map_columns(["a"], {"tilte": "a"}, {})
    with pytest.raises(ImportRefused, match="no column 'b'; there are a"):
        map_columns(["a"], {"title": "b"}, {})


def test_no_alias_means_two_fields() -> None:
    names = [name for field, aliases in FIELDS.items() for name in (field, *aliases)]
    assert len(names) == len(set(names))
