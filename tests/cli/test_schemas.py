"""Schemas that the command line prints."""

from __future__ import annotations

import json

import pytest

from command import CommandLine
from plaudit.kafka.settings import KafkaSettings
from plaudit.records.codec import record_codec


@pytest.mark.parametrize("name", ["attempt", "endpoint"])
def test_the_records_of_plaudits_own_topics_are_shown(name: str) -> None:
    done = CommandLine(KafkaSettings())("schemas", "show", name)
    assert done.code == 0, done.err
    assert json.loads(done.out) == record_codec(name).schema
