"""Stray records of one producer stand before another tenant's events, and hold none of them up."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from command import CommandLine
from e2e.conftest import rig, settings, sink
from e2e.rig import Rig, free_port
from e2e.sink import Sink, good
from e2e.test_bad_input import newer_writer
from plaudit.events.encoding import encode
from plaudit.kafka.schemas import topic as schemas_topic
from plaudit.kafka.write.producer import Producer
from raw_records import NOT_UTF8, write_raw
from waiting import PROMPTLY_S

__all__ = ["rig", "settings", "sink"]  # fixtures of the end-to-end tests

pytestmark = [pytest.mark.broker, pytest.mark.e2e]

STRAY = {
    "framed": b"\x00\x00\x00\x00\x15hello",
    "apicurio": b"\x00" * 9 + b"hello",
    "garbage": b"hello",
    "nothing": b"",
}


def write_strays(rig: Rig, unknown: bytes) -> str:
    """Write one record of each kind into one partition; return the event's id among them."""
    servers, topic = rig.settings.bootstrap_servers, rig.settings.names.event_topics[0]
    for name, value in STRAY.items():
        write_raw(servers, topic, 0, value, b"a", [(b"kind", name.encode())])
    write_raw(servers, topic, 0, b"hello", b"a", [(NOT_UTF8, b"1")])
    event = rig.event()
    write_raw(servers, topic, 0, encode(event), b"a", [(NOT_UTF8, b"1")])
    write_raw(servers, topic, 0, unknown, b"a", [(b"kind", b"unknown")])
    return str(event.meta.event_id)


def publish_behind(rig: Rig, count: int) -> set[str]:
    """Write events behind them, into the same partition; return their ids."""
    events = [rig.event() for _ in range(count)]
    with Producer(rig.settings) as producer:
        for event in events:
            producer.publish(rig.settings.names.event_topics[0], encode(event), b"v", None, 0)
        assert producer.flush(PROMPTLY_S) == 0
    return {str(event.meta.event_id) for event in events}


def test_events_behind_stray_records_arrive_and_the_strays_are_dead_letters(
    rig: Rig, sink: Sink
) -> None:
    rig.endpoint(sink.on("good", good))
    schema, unknown, unknown_id = newer_writer(rig)
    odd_id = write_strays(rig, unknown)
    wanted = publish_behind(rig, 20) | {odd_id}
    worker = rig.worker(PLAUDIT_SCHEMA_WAIT="1")
    assert sink.wait_until(lambda: sink.ids("good").keys() >= wanted, PROMPTLY_S)
    rig.wait_dead(len(STRAY) + 2, events=True)
    plaudit = CommandLine(rig.settings)
    listed = plaudit("dlq", "list", "--kind", "events", "--json")
    assert sorted(each["reason"] for each in listed.json) == [
        "no_value",
        "schema_unknown",
        *["unknown_format"] * 4,
    ]
    [framed] = [each for each in listed.json if "id 21" in each["last_error"]]
    assert "PLAUDIT_SCHEMA_REGISTRY_URL is not set" in framed["last_error"]
    again = ("dlq", "redrive", "--kind", "events", "--reason", "schema_unknown", "--yes", "--json")
    kept = plaudit(*again)
    assert (kept.code, kept.json[-1]["skipped"]) == (1, {"schema_unknown": 1})
    with Producer(rig.settings) as producer:
        schemas_topic.register(producer, rig.settings.names.schemas, [json.dumps(schema)])
    # The first worker's time to wait for schemas of this partition is spent: it might come to the
    # event before it reads the schema. A new worker reads the schemas first.
    assert rig.stop(worker) == 0
    worker = rig.worker(PLAUDIT_SCHEMA_WAIT="1")
    assert plaudit(*again).code == 0
    assert sink.wait_until(lambda: unknown_id in sink.ids("good"), PROMPTLY_S)
    assert rig.stop(worker) == 0


def ready(port: int) -> Any:
    return httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=10)


def test_an_operator_sees_and_unblocks_the_record_that_holds_a_partition(
    rig: Rig, sink: Sink
) -> None:
    rig.endpoint(sink.on("good", good))
    port, plaudit = free_port(), CommandLine(rig.settings, rig.environment)
    write_strays(rig, newer_writer(rig)[1])
    wanted = publish_behind(rig, 5)
    worker = rig.worker(PLAUDIT_SCHEMA_WAIT="86400", PLAUDIT_METRICS_PORT=str(port))
    assert sink.wait_until(lambda: len(sink.ids("good")) == 1, PROMPTLY_S)
    assert sink.wait_until(lambda: "waits at offset 6" in ready(port).text, PROMPTLY_S)
    assert ready(port).status_code == 503
    topic = rig.settings.names.event_topics[0]
    metrics = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=10).text
    labels = f'lane="events",partition="0",topic="{topic}"'
    numbers = dict(line.rsplit(" ", 1) for line in metrics.splitlines() if line[0] != "#")
    assert float(numbers[f"plaudit_partition_blocked_seconds{{{labels}}}"]) > 0
    assert float(numbers['plaudit_late_seconds{lane="events"}']) > 0
    place = f"{topic}/0@6"
    assert sink.wait_until(lambda: place in plaudit("status").err, PROMPTLY_S)
    wrong = plaudit("records", "unblock", f"{topic}/0@7", "--yes")
    assert (wrong.code, "position is 6" in wrong.err) == (1, True)
    assert plaudit("records", "unblock", "testimonials-0-6").code == 2
    done = plaudit("records", "unblock", place, "--yes", "--wait", "30")
    assert done.code == 0, done.err
    [entry] = plaudit("audit", "list", "--target", place, "--json").json
    assert entry["action"] == "record.unblocked", "a refused command leaves no entry"
    assert sink.wait_until(lambda: sink.ids("good").keys() >= wanted, PROMPTLY_S)
    rig.wait_dead(len(STRAY) + 2, events=True)
    assert ready(port).json() == {"ok": True, "problems": []}
    assert place not in plaudit("status").err
    assert rig.stop(worker) == 0
