"""Letters that a redrive sends, their targets, and letters that stay."""

from __future__ import annotations

import io
import json
from pathlib import Path

import fastavro
import pytest

from command import CommandLine
from dlq.conftest import announce, disable, left, seed, sent
from dlq.generate import ENDPOINTS, letters, write
from dlq.rig import SOON_S, UNBOUND, in_thread
from plaudit.bulk.control import Control
from plaudit.dlq.job.job import Order, redrive
from plaudit.dlq.job.rules import Skip
from plaudit.dlq.job.throttle import JobLimits
from plaudit.dlq.letters.letter import Kind
from plaudit.events.avro.fingerprint import fingerprint
from plaudit.events.catalogue import lookup
from plaudit.events.decoding import SINGLE_OBJECT
from plaudit.events.encoding import encode
from plaudit.events.examples import example
from plaudit.kafka.admin.topics import Admin
from plaudit.kafka.read.range import BoundedReader
from plaudit.kafka.schemas.topic import register
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.write.producer import Producer
from plaudit.records.names import Header
from waiting import until

pytestmark = pytest.mark.broker


def test_filters_max_and_a_dry_run_choose_the_letters(installation: KafkaSettings) -> None:
    seed(installation, 100)
    plaudit = CommandLine(installation)
    looked = plaudit("dlq", "redrive", "--reason", "gone")
    assert (looked.code, sent(installation).total()) == (1, 0), "nothing was sent"
    assert "20 of 100" in looked.err
    assert "--yes" in looked.err
    chosen = ["--reason", "expired", "--endpoint", ENDPOINTS[3], "--max", "7", "--yes", "--json"]
    [report] = plaudit("dlq", "redrive", *chosen).json
    assert (report["matched"], report["moved"], report["complete"]) == (10, 7, True)
    assert report["counts"]["reason"] == {"expired": 7}
    assert left(installation) == 93
    none = plaudit("dlq", "redrive", "--reason", "rejected", "--yes")
    assert (none.code, sent(installation).total()) == (0, 7)
    assert "there are 93: exhausted 60" in none.err


def test_ids_from_a_file_choose_letters(installation: KafkaSettings, tmp_path: Path) -> None:
    seed(installation, 50)
    made = list(letters(50))
    ids = tmp_path / "ids"
    event_id = dict(made[9].headers)["ce_id"].decode()
    ids.write_text(f"# two of them\n{made[4].key.decode()}\n\n{event_id}\n")
    done = CommandLine(installation)("dlq", "redrive", "--ids", str(ids), "--yes")
    assert done.code == 0, done.err
    assert set(sent(installation)) == {made[4].key, made[9].key}


def test_disabled_and_deleted_endpoints_are_refused_with_the_remedy(
    installation: KafkaSettings,
) -> None:
    gone = "99999999-9999-4999-8999-999999999999"
    seed(installation, 6, [ENDPOINTS[0], ENDPOINTS[1], gone])
    disable(installation, ENDPOINTS[0])
    plaudit = CommandLine(installation)
    refused = plaudit("dlq", "redrive", "--endpoint", ENDPOINTS[0], "--yes")
    assert refused.code == 1
    assert "plaudit endpoints enable" in refused.err
    partly = plaudit("dlq", "redrive", "--yes", "--json")
    assert partly.code == 1, "some stay"
    [report] = partly.json
    assert report["moved"] == 2
    assert report["skipped"] == {"endpoint_disabled": 2, "endpoint_unknown": 2}
    assert left(installation) == 4
    elsewhere = plaudit("dlq", "redrive", "--endpoint", gone, "--to", ENDPOINTS[1], "--yes")
    assert elsewhere.code == 0, elsewhere.err
    assert left(installation) == 2
    for wrong, said in ((ENDPOINTS[0], "is disabled"), (gone, "no endpoint")):
        told = plaudit("dlq", "redrive", "--to", wrong, "--yes")
        assert (told.code, told.err.count("\n")) == (2, 1)
        assert said in told.err


def test_another_endpoint_must_be_of_the_same_workspace(installation: KafkaSettings) -> None:
    foreign = "88888888-8888-4888-8888-888888888888"
    announce(installation, foreign, workspace=foreign)
    seed(installation, 3)
    told = CommandLine(installation)("dlq", "redrive", "--to", foreign, "--yes")
    assert told.code == 1
    assert "within the workspace" in told.err
    assert (left(installation), sent(installation).total()) == (3, 0)


def test_carousels_are_parked(installation: KafkaSettings) -> None:
    made = next(letters(1))
    often = [(n, b"5" if n == Header.REDRIVES else v) for n, v in made.headers]
    write(installation, iter([type(made)(made.key, often, made.value)]))
    parked = CommandLine(installation)("dlq", "redrive", "--yes")
    assert (parked.code, left(installation)) == (1, 1)
    assert "--max-redrives" in parked.err
    assert CommandLine(installation)("dlq", "redrive", "--yes", "--max-redrives", "9").code == 0


def test_a_letter_at_the_size_limit_is_sent(installation: KafkaSettings) -> None:
    """As large as the topic takes: what redriving adds to the headers must not be too much."""
    made = next(letters(1))
    named = sum(len(name) + len(value) for name, value in made.headers)
    size = 1_088 * 1_024 - named - len(made.key)
    with Producer(installation) as producer:
        topic = installation.names.dlq_deliveries
        while True:  # the framing takes a few hundred bytes; the first that is taken is the largest
            sent_off = producer.publish(topic, b"x" * size, made.key, made.headers)
            if sent_off.exception(30) is None:
                break
            size -= 4
    report = redrive(installation, Order(limits=UNBOUND), Control())
    assert (report.moved, report.complete, left(installation)) == (1, True, 0)


def test_a_letter_that_kafka_refuses_stays_and_the_others_go(installation: KafkaSettings) -> None:
    """The limit of the letter's topic was set too low."""
    made = list(letters(3))
    write(installation, iter(made))
    names = installation.names
    changed = Admin(installation).configure(names.deliveries_now, {"max.message.bytes": "1010000"})
    assert changed is None
    with Producer(installation) as producer:
        large = b"x" * 1_050_000
        producer.publish(names.dlq_deliveries, large, made[0].key, made[0].headers).result(30)
    report = redrive(installation, Order(limits=UNBOUND), Control())
    assert report.skipped == {Skip.TOO_LARGE: 1}
    assert (report.moved, left(installation)) == (2, 1)


def test_a_letter_of_an_older_schema_is_sent_unchanged_and_shown(
    installation: KafkaSettings,
) -> None:
    """Its writer's schema is in the topic of schemas only."""
    schema, value = older()
    with Producer(installation) as producer:
        register(producer, installation.names.schemas, [schema])
        made = next(letters(1))
        topic = installation.names.dlq_deliveries
        producer.publish(topic, value, made.key, made.headers).result(30)
    plaudit = CommandLine(installation)
    shown = plaudit("dlq", "show", made.key.decode(), "--json")
    assert json.loads(shown.json[0]["event"])["type"] == "testimonial.rejected"
    assert plaudit("dlq", "redrive", "--yes").code == 0
    with BoundedReader(installation, f"{installation.names.prefix}test") as reader:
        [message] = list(reader.read(reader.spans(installation.names.deliveries_now)))
    assert message.value() == value


def older() -> tuple[str, bytes]:
    """Return a schema with a field less than the one that ships, and an event under it."""
    shipped = lookup("testimonial.rejected").schema_json
    schema = json.loads(shipped)
    schema["fields"] = [each for each in schema["fields"] if each["name"] != "note"]
    body = io.BytesIO(encode(example("testimonial.rejected"))[len(SINGLE_OBJECT) + 8 :])
    record = fastavro.schemaless_reader(body, json.loads(shipped), None)
    out = io.BytesIO()
    fastavro.schemaless_writer(out, json.loads(json.dumps(schema)), record)
    return json.dumps(schema), SINGLE_OBJECT + fingerprint(schema) + out.getvalue()


def test_records_that_were_no_events_are_redriven_to_their_topic_with_key_and_bytes(
    installation: KafkaSettings,
) -> None:
    names = installation.names
    topic = names.event_topics[0]
    headers = [
        (Header.REASON, b"truncated"),
        (Header.ORIGIN_TOPIC, topic.encode()),
        (Header.ORIGIN_KEY, b"\xffkey"),
    ]
    with Producer(installation) as producer:
        key = f"{topic}:0:1".encode()
        producer.publish(names.dlq_events, b"\xc3\x01", key, headers).result(30)
    done = CommandLine(installation)("dlq", "redrive", "--kind", "events", "--yes")
    assert done.code == 0, done.err
    assert left(installation, Kind.EVENTS) == 0
    with BoundedReader(installation, f"{names.prefix}test") as reader:
        [message] = list(reader.read(reader.spans(topic)))
    assert (message.key(), message.value()) == (b"\xffkey", b"\xc3\x01")
    assert message.headers() == [(Header.REDRIVES, b"1")]


def test_records_that_come_back_end_the_job(installation: KafkaSettings) -> None:
    names, topic = installation.names, installation.names.event_topics[0]
    headers = [(Header.REASON, b"corrupt"), (Header.ORIGIN_TOPIC, topic.encode())]
    back = [*headers, (Header.REDRIVES, b"1")]
    with Producer(installation) as producer:
        for number in range(60):
            key = f"{topic}:0:{number}".encode()
            producer.publish(names.dlq_events, b"x", key, headers).result(30)
        limits = JobLimits(rate=20, lag_cap=0, stop_after=4)
        order = Order(kind=Kind.EVENTS, limits=limits)
        _, thread, reports = in_thread(installation, order)
        with BoundedReader(installation, f"{names.prefix}test") as reader:
            until(lambda: sum(high for _, high in reader.spans(topic).values()) > 0)
        for number in range(60):
            producer.publish(names.dlq_events, b"x", f"{topic}:0:{number + 99}".encode(), back)
    thread.join(SOON_S)
    assert "came back, the latest with corrupt" in (reports[0].stopped or "")
    assert 0 < reports[0].moved < 60
