"""Encoding straight from JSON: the bytes of the event's model, or an error."""

from __future__ import annotations

import copy
import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.test_models import places, put
from plaudit.events.avro.json_fast_path import UNUSUAL, write_json
from plaudit.events.catalogue import CATALOGUE
from plaudit.events.cloudevents import time_text
from plaudit.events.decoding import SINGLE_HEAD
from plaudit.events.encoding import encode
from plaudit.events.examples import example_json

EXAMPLES: dict[str, Any] = {name: json.loads(example_json(name)) for name in CATALOGUE}
BY_MODEL = {"testimonial.updated", "import.completed"}
"""Types with a rule that only their model checks."""
ODD: list[Any] = [
    None, True, False, 0, 1, -1, 1.0, 4.5, 4.505, -0.0, 1e300, 2**31, 2**63, 10**30, "", "text",
    "1", "APPROVED", "approved", "Approved", "é\0", "x" * 10_001, [], ["a"], [None], [[1]], {},
    {"a": "b"}, {"a": None}, {"a": 1},
    "0191F0D2-6F0A-7CC3-B1A5-3D2B8B6C9A10", "0191f0d26f0a7cc3b1a53d2b8b6c9a10",
    "0191f0d2-6f0a-7cc3-b1a5-3d2b8b6c9a10", "0191f0d2-6f0a-7cc3-b1a5-3d2b8b6c9a10\n",
    "2026-11-24T16:00:00Z", "2026-11-24T16:00:00.5+05:30", "2026-11-24 16:00:00Z", "2026-11-24",
    "2026-11-24T16:00:00", "2026-11-24T24:00:00Z", "2026-11-24T16:00:60Z", "2026-02-30T16:00:00Z",
    "0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-05:00", "2026-11-24T16:00:00.1234567Z",
    "2026-11-24T16:00:00+24:00", "٢026-11-24T16:00:00Z", "1764000000",
]  # fmt: skip
"""What a field may be given: of the wrong type, at a limit, in another form."""


def same(name: str, tree: Any) -> bool:
    """Check an event both ways; return whether it was written straight."""
    data = orjson.loads(json.dumps(tree))["data"]
    try:
        written = write_json(CATALOGUE[name], data)  # fills in what `meta` may leave out
    except UNUSUAL:
        return False
    event = CATALOGUE[name].model.model_validate_json(json.dumps(data))
    assert written.body == encode(event)[SINGLE_HEAD:]
    assert written.event_id == str(event.meta.event_id)
    assert written.workspace_id == str(event.meta.workspace_id)
    assert written.occurred_at.encode() == time_text(event.meta.occurred_at)
    assert written.key.encode() == CATALOGUE[name].key_of(event)
    return True


@pytest.mark.parametrize("name", CATALOGUE)
def test_the_json_of_a_model_is_written_like_the_model(name: str) -> None:
    tree = {"data": EXAMPLES[name]}
    assert same(name, tree) is (name not in BY_MODEL)
    webhook = json.loads(json.dumps(tree).replace('"APPROVED"', '"approved"'))
    assert same(name, webhook) is (name not in BY_MODEL)


@given(st.data())
def test_the_fast_writer_and_the_model_agree(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(set(CATALOGUE) - BY_MODEL)))
    tree = {"data": copy.deepcopy(EXAMPLES[name])}
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from([each for each in places(tree) if len(each) > 1]))
        match data.draw(st.sampled_from(["odd", "gone", "more"])):
            case "odd":
                put(tree, path, copy.deepcopy(data.draw(st.sampled_from(ODD))))
            case "more" if isinstance(path[-1], str):
                put(tree, (*path[:-1], "surprise"), 1)
            case _:
                inner = tree
                for step in path[:-1]:
                    inner = inner[step]
                del inner[path[-1]]
    same(name, tree)


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_every_field_of_the_longest_event_may_be_given_anything(odd: Any) -> None:
    name = "testimonial.published"
    for path in places(EXAMPLES[name]):
        tree = {"data": copy.deepcopy(EXAMPLES[name])}
        put(tree["data"], path, copy.deepcopy(odd))
        same(name, tree)


def test_optional_fields_of_meta_are_filled_in() -> None:
    name = "testimonial.approved"
    data = copy.deepcopy(EXAMPLES[name])
    del data["meta"]["event_id"], data["meta"]["occurred_at"]
    first, second = (write_json(CATALOGUE[name], copy.deepcopy(data)) for _ in range(2))
    assert first.event_id != second.event_id
    data["meta"] |= {"event_id": first.event_id, "occurred_at": first.occurred_at}
    event = CATALOGUE[name].model.model_validate_json(json.dumps(data))
    assert first.body == encode(event)[SINGLE_HEAD:]
