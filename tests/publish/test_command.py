"""`plaudit publish` says, line by line, what is wrong, and in the end what the brokers have."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from command import CommandLine
from plaudit.events.examples import example, example_json
from plaudit.kafka.settings import KafkaSettings
from publish.conftest import ReadAll

pytestmark = pytest.mark.broker

TYPE = "testimonial.approved"
GOOD = example_json(TYPE).encode() + b"\n"


def rated(value: object) -> bytes:
    """Return a line whose rating has that value."""
    event = json.loads(example(TYPE).model_dump_json())
    event["testimonial"]["rating"]["value"] = value
    return json.dumps(event).encode() + b"\n"


def test_lines_from_standard_input_are_published(topics: KafkaSettings, read_all: ReadAll) -> None:
    done = CommandLine(topics)("publish", TYPE, "--json", stdin=GOOD + b"\n" + GOOD)
    assert (done.code, done.json) == (0, [{"published": 2, "invalid": 0, "failed": 0}])
    [first, _] = read_all(topics.names.event_topics[0])
    assert ("ce_source", b"/plaudit/cli") in (first.headers() or [])


def test_a_file_is_read_and_a_missing_file_is_a_usage_error(
    topics: KafkaSettings, tmp_path: Path
) -> None:
    plaudit, file = CommandLine(topics), tmp_path / "events.jsonl"
    missing = plaudit("publish", TYPE, str(file))
    assert (missing.code, missing.err.count("\n")) == (2, 1)
    assert "No such file" in missing.err
    file.write_bytes(GOOD)
    assert plaudit("publish", TYPE, str(file)).code == 0


def test_the_first_bad_line_stops_it_and_what_came_before_is_published(
    topics: KafkaSettings, read_all: ReadAll
) -> None:
    done = CommandLine(topics)("publish", TYPE, stdin=GOOD * 2 + rated("five") + GOOD)
    assert done.code == 2
    assert "line 3: testimonial.rating.value: " in done.err
    assert "published 2, invalid 1" in done.err
    assert len(read_all(topics.names.event_topics[0])) == 2


def test_bad_lines_can_be_skipped(topics: KafkaSettings, read_all: ReadAll) -> None:
    lines = GOOD + rated(-1) + b"{\n" + b'{"\xff": 1}\n' + GOOD
    done = CommandLine(topics)("publish", TYPE, "--skip-invalid", "--json", stdin=lines)
    assert (done.code, done.json) == (2, [{"published": 2, "invalid": 3, "failed": 0}])
    for number in (2, 3, 4):
        assert f"line {number}: " in done.err
    assert len(read_all(topics.names.event_topics[0])) == 2


def test_an_error_does_not_repeat_personal_data(topics: KafkaSettings) -> None:
    done = CommandLine(topics)("publish", TYPE, stdin=rated("ada@example.com"))
    assert "ada@example.com" not in done.err


def test_an_unknown_type_suggests_similar_ones(away: KafkaSettings) -> None:
    done = CommandLine(away)("publish", "testimonial.aproved", stdin=GOOD)
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "did you mean testimonial.approved" in done.err


def test_an_event_over_several_lines_is_refused_with_the_tool_that_joins_them(
    away: KafkaSettings,
) -> None:
    indented = json.dumps(json.loads(GOOD), indent=2).encode()
    done = CommandLine(away)("publish", TYPE, stdin=indented)
    assert done.code == 2
    assert "line 1: the event does not end on this line; `jq -c .` writes each" in done.err


def test_unavailable_brokers_are_named_before_the_command_waits_for_them(
    away: KafkaSettings,
) -> None:
    done = CommandLine(away)("publish", TYPE, "--timeout", "1", stdin=GOOD)
    first = done.err.splitlines()[0]
    assert first.startswith(f"plaudit: Kafka is unreachable: {away.bootstrap_servers}: connection")
    assert first.endswith("Check KAFKA_BOOTSTRAP_SERVERS. Waiting for the brokers")


def test_unavailable_brokers_are_reported_with_the_counts(away: KafkaSettings) -> None:
    done = CommandLine(away)("publish", TYPE, "--timeout", "1", "--json", stdin=GOOD * 3)
    assert (done.code, done.json) == (1, [{"published": 0, "invalid": 0, "failed": 3}])
    assert "3 not acknowledged; the first: publish to " in done.err
    assert "refused" in done.err
