"""Schemas that the command line prints."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from command import CommandLine
from plaudit.events.catalogue import CATALOGUE
from plaudit.events.examples import example_json, fresh_example_json
from plaudit.kafka.settings import KafkaSettings
from plaudit.records.codec import record_codec


@pytest.mark.parametrize("name", ["attempt", "endpoint"])
def test_the_records_of_plaudits_own_topics_are_shown(name: str) -> None:
    done = CommandLine(KafkaSettings())("schemas", "show", name)
    assert done.code == 0, done.err
    assert json.loads(done.out) == record_codec(name).schema


def test_two_examples_of_a_type_are_two_events() -> None:
    run = CommandLine(KafkaSettings())
    metas = [
        json.loads(run("schemas", "example", "testimonial.approved").out)["meta"] for _ in range(2)
    ]
    assert metas[0]["event_id"] != metas[1]["event_id"]
    age = datetime.now(UTC) - datetime.fromisoformat(metas[0]["occurred_at"])
    assert timedelta(0) <= age < timedelta(minutes=5)


@pytest.mark.parametrize("name", CATALOGUE)
def test_an_example_of_now_is_an_event_of_its_type(name: str) -> None:
    fresh, fixed = json.loads(fresh_example_json(name)), json.loads(example_json(name))
    assert CATALOGUE[name].model.model_validate(fresh).type_name == name
    assert {**fresh, "meta": None} == {**fixed, "meta": None}


def test_a_fixed_example_is_the_one_of_the_documentation() -> None:
    done = CommandLine(KafkaSettings())("schemas", "example", "testimonial.approved", "--fixed")
    assert done.out == example_json("testimonial.approved") + "\n"
