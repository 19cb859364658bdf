"""Content filters: what they say of events, and what is refused, by its place."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaudit.endpoints.filters import (
    MOST_STEPS,
    MOST_TESTS,
    MOST_VALUES,
    FilterRefused,
    compile_filter,
    known_filter,
    parse_filter,
)

DATA: dict[str, Any] = {
    "sequence": 3,
    "is_backfill": False,
    "testimonial": {
        "rating": {"value": 4.5},
        "tags": ["vip", "video"],
        "public_url": None,
        "status": "approved",
        "created_at": "2026-11-24T16:00:00.000000Z",
        "content": {"media": [{"kind": "image"}, {"kind": "video"}]},
    },
}


@pytest.mark.parametrize(
    ("tree", "wanted"),
    [
        ({"field": "sequence", "eq": 3}, True),
        ({"field": "sequence", "eq": "3"}, False),
        ({"field": "is_backfill", "eq": False}, True),
        ({"field": "is_backfill", "eq": 0}, False),
        ({"field": "sequence", "ne": 3}, False),
        ({"field": "absent.at.all", "ne": 3}, True),
        ({"field": "absent.at.all", "eq": None}, True),
        ({"field": "testimonial.public_url", "eq": None}, True),
        ({"field": "testimonial.public_url", "exists": False}, True),
        ({"field": "testimonial.rating", "exists": True}, True),
        ({"field": "testimonial.rating.value", "gt": 4}, True),
        ({"field": "testimonial.rating.value", "gt": 4.5}, False),
        ({"field": "testimonial.rating.value", "lt": 5, "gt": 4}, True),
        ({"field": "testimonial.rating.value", "gt": "4"}, False),
        ({"field": "absent", "lt": 5}, False),
        ({"field": "is_backfill", "lt": 5}, False),
        ({"field": "testimonial.created_at", "gt": "2026-11-24"}, True),
        ({"field": "testimonial.tags", "eq": "video"}, True),
        ({"field": "testimonial.tags", "in": ["x", "vip"]}, True),
        ({"field": "testimonial.tags", "ne": "vip"}, False),
        ({"field": "testimonial.content.media.kind", "eq": "video"}, True),
        ({"field": "testimonial.status", "starts_with": "app"}, True),
        ({"field": "sequence", "starts_with": "3"}, False),
        ({"not": {"field": "sequence", "eq": 3}}, False),
        ({"all": [{"field": "sequence", "eq": 3}, {"field": "sequence", "eq": 4}]}, False),
        ({"any": [{"field": "sequence", "eq": 3}, {"field": "sequence", "eq": 4}]}, True),
    ],
)
def test_a_filter_is_shown_in_words(tree: object, *, wanted: bool) -> None:
    assert parse_filter(json.dumps(tree))(DATA) is wanted


@pytest.mark.parametrize(
    ("tree", "where"),
    [
        ([], ""),
        ({}, ""),
        ({"fields": "a"}, ""),
        ({"field": "a"}, ""),
        ({"field": "a b", "eq": 1}, "field"),
        ({"field": 3, "eq": 1}, "field"),
        ({"field": "a", "like": 1}, "like"),
        ({"field": "a", "eq": {}}, "eq"),
        ({"field": "a", "in": 3}, "in"),
        ({"field": "a", "in": []}, "in"),
        ({"field": "a", "in": [[1]]}, "in[0]"),
        ({"field": "a", "gt": None}, "gt"),
        ({"field": "a", "lt": True}, "lt"),
        ({"field": "a", "exists": 1}, "exists"),
        ({"field": "a", "starts_with": ""}, "starts_with"),
        ({"all": [{"field": "a", "eq": 1}, {"not": {"field": "b"}}]}, "all[1].not"),
        ({"any": []}, "any"),
        ({"all": [{"field": "a", "eq": 1}], "any": []}, ""),
        ({"any": [{"field": "a", "eq": 1}] * 101}, "any[100].eq"),
    ],
)
def test_an_invalid_filter_is_refused_with_its_place(tree: object, where: str) -> None:
    with pytest.raises(FilterRefused) as refused:
        compile_filter(tree)
    assert refused.value.where == where


def test_filters_are_bounded_in_depth_and_length() -> None:
    tree: dict[str, Any] = {"field": "a", "eq": 1}
    for _ in range(9):
        tree = {"not": tree}
    with pytest.raises(FilterRefused, match="deep"):
        compile_filter(tree)
    with pytest.raises(FilterRefused, match="characters"):
        parse_filter(json.dumps({"field": "a", "eq": "x" * 9_000}))
    with pytest.raises(FilterRefused, match="not JSON"):
        parse_filter("[" * 7_000)


def test_a_filter_from_a_newer_release_accepts_everything() -> None:
    assert known_filter('{"field": "a", "near": 1}') is None


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab"), inner, max_size=3),
)


@given(
    st.dictionaries(st.sampled_from(["a", "b"]), _JSON),
    st.sampled_from(["eq", "gt", "lt", "starts_with", "exists"]),
    st.integers() | st.text(min_size=1, max_size=3) | st.booleans(),
)
def test_no_event_makes_a_filter_fail_and_not_is_its_opposite(
    data: dict[str, Any], test: str, value: object
) -> None:
    tree = {"field": "a.b", test: value}
    try:
        wants = compile_filter(tree)
    except FilterRefused:
        return
    assert compile_filter({"not": tree})(data) is not wants(data)


def tagged(tags: list[Any]) -> dict[str, Any]:
    return {"testimonial": {"tags": tags}}


def test_in_finds_what_eq_finds() -> None:
    values = [None, True, False, 0, 1, 1.0, 2.5, "1", "", {"a": 1}]
    for value in values:
        for wanted in values[:-1]:
            data = {"a": value}
            equal = compile_filter({"field": "a", "eq": wanted})(data)
            assert compile_filter({"field": "a", "in": ["x", wanted]})(data) is equal


def test_the_costliest_filter_on_the_largest_event_is_over_in_a_moment() -> None:
    values = [[f"{test}-{value}" for value in range(MOST_VALUES)] for test in range(18)]
    tests = [{"field": "testimonial.tags", "in": each} for each in values]
    wants = compile_filter({"any": tests})
    event = tagged([""] * 500_000)
    began_s = time.process_time()
    assert wants(event), "better one too many than one too few"
    assert time.process_time() - began_s < 0.05, "it was 90 s"
    assert wants.overruns == 1


def test_the_largest_filter_judges_lists_of_a_hundred_items() -> None:
    tests = [{"field": "testimonial.tags", "starts_with": f"x{test}"} for test in range(MOST_TESTS)]
    wants = compile_filter({"any": tests})
    assert not wants(tagged(["none"] * 100))
    assert not wants.overruns
    assert MOST_TESTS * 100 * 2 <= wants.spent <= MOST_STEPS


@pytest.mark.parametrize(
    "tags",
    [[""] * MOST_STEPS, [[""] * 200] * 200, [[]] * MOST_STEPS, [[[[""] * 50] * 50] * 50]],
    ids=["long", "of lists", "of nothing", "deep"],
)
def test_a_filter_that_can_not_afford_to_judge_an_event_accepts_it(tags: list[Any]) -> None:
    wants = compile_filter({"not": {"field": "testimonial.tags", "eq": "absent"}})
    refuses = compile_filter({"field": "testimonial.tags", "eq": "absent"})
    for each in (wants, refuses):
        assert each(tagged(tags))
        assert each.overruns == 1
        assert each.spent <= MOST_STEPS
        assert each(tagged(["absent"])) is (each is refuses), "the next event is judged again"


@given(st.lists(_JSON, max_size=5), st.integers(1, 20))
def test_steps_are_counted_for_each_inspected_value(tags: list[Any], tests: int) -> None:
    wants = compile_filter({"any": [{"field": "testimonial.tags", "eq": "no such"}] * tests})
    wants(tagged(tags))
    assert tests <= wants.spent <= MOST_STEPS
