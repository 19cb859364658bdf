"""Fields of content filters, compared with the schemas of the event types."""

from __future__ import annotations

import json
from typing import Any

import pytest

from plaudit.endpoints.filters import FilterRefused, parse_filter
from plaudit.events.catalogue import CATALOGUE
from plaudit.store.endpoints.filter_fields import check_fields, field_warnings

APPROVED = ("testimonial.approved",)


def written(tree: dict[str, Any]) -> str:
    """Return a valid filter as JSON."""
    text = json.dumps(tree)
    parse_filter(text)
    return text


@pytest.mark.parametrize(
    ("field", "types", "said"),
    [
        ("testimonial.ratng.value", APPROVED, "did you mean testimonial.rating.value?"),
        ("rating.value", APPROVED, "did you mean testimonial.rating.value?"),
        ("is_backfll", (), "did you mean is_backfill?"),
        ("testimonial.rating.value", ("form.completed",), "is not a field of form.completed"),
        ("xyzzy", (), "not a field of any event type; see `plaudit schemas docs`"),
    ],
)
def test_a_field_that_no_wanted_type_has_is_refused(
    field: str, types: tuple[str, ...], said: str
) -> None:
    with pytest.raises(FilterRefused) as caught:
        check_fields(written({"field": field, "exists": True}), types)
    assert said in str(caught.value)


def test_the_place_of_an_inner_field_is_named() -> None:
    known = {"field": "is_backfill", "eq": False}
    tree = {"all": [known, {"not": {"any": [known, {"field": "nowhere", "eq": 1}]}}]}
    with pytest.raises(FilterRefused) as caught:
        check_fields(written(tree), ())
    assert caught.value.where == "all[1].not.any[1].field"


@pytest.mark.parametrize("event_type", sorted(CATALOGUE))
def test_fields_of_meta_exist_in_every_type(event_type: str) -> None:
    check_fields(written({"field": "workspace_id", "exists": True}), (event_type,))


def test_fields_in_lists_and_optional_records_are_known() -> None:
    for field in ("testimonial.tags", "testimonial.rating", "testimonial.rating.value"):
        check_fields(written({"field": field, "exists": True}), APPROVED)


def test_a_field_of_some_types_only_is_a_warning() -> None:
    text = written({"field": "testimonial.rating.value", "gt": 3})
    assert list(field_warnings(text, APPROVED)) == []
    [warning] = field_warnings(text, ("form.completed", *APPROVED))
    assert warning.startswith("form.completed do not have the field")
    [warning] = field_warnings(text, ())
    assert "more do not have the field testimonial.rating.value" in warning
