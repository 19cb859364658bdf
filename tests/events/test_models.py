"""A mistake in an event fails before anything is sent, and names the field."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from plaudit.events.catalogue import CATALOGUE
from plaudit.events.examples import example_json

WRONG = {"wrong": "Zaphod Beeblebrox"}


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every field within a record."""
    match value:
        case dict():
            for name, inner in value.items():
                yield (*path, name)
                yield from places(inner, (*path, name))
        case list():
            for number, inner in enumerate(value):
                yield from places(inner, (*path, number))


def put(tree: Any, path: tuple[Any, ...], value: object) -> None:
    for step in path[:-1]:
        tree = tree[step]
    tree[path[-1]] = value


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_field_that_is_wrong_is_named_and_its_value_is_not_repeated(name: str) -> None:
    model, text = CATALOGUE[name].model, example_json(name)
    for path in places(json.loads(text)):
        tree = json.loads(text)
        put(tree, path, WRONG)
        if path[-1] in {"hidden", "previous", "by_platform"} or path[-2:-1] in {
            ("hidden",),
            ("previous",),
        }:
            continue  # maps take any name
        with pytest.raises(ValidationError) as refused:
            model.model_validate_json(json.dumps(tree))
        locations = {error["loc"][: len(path)] for error in refused.value.errors()}
        assert path in locations, f"{name}: {path}"
        assert "Zaphod" not in str(refused.value)


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_field_that_does_not_exist_is_refused(name: str) -> None:
    tree = {**json.loads(example_json(name)), "surprise": 1}
    with pytest.raises(ValidationError, match="surprise"):
        CATALOGUE[name].model.model_validate_json(json.dumps(tree))


@pytest.mark.parametrize("moment", ["2026-11-24T16:00:00", "1764000000", 1764000000, "yesterday"])
def test_a_time_without_a_zone_is_refused(moment: object) -> None:
    tree = json.loads(example_json("testimonial.approved"))
    tree["meta"]["occurred_at"] = moment
    with pytest.raises(ValidationError, match=r"meta\.occurred_at"):
        CATALOGUE["testimonial.approved"].model.model_validate_json(json.dumps(tree))


def test_publishing_without_consent_is_refused() -> None:
    tree = json.loads(example_json("testimonial.published"))
    tree["testimonial"]["consent"]["state"] = "withdrawn"
    with pytest.raises(ValidationError, match="consent"):
        CATALOGUE["testimonial.published"].model.model_validate_json(json.dumps(tree))
