"""The follower of a compacted topic knows when it is current."""

from __future__ import annotations

import json
import threading

import pytest

from conftest import MakeTopic
from plaudit.events.catalogue import lookup
from plaudit.kafka.errors import KafkaUnavailable
from plaudit.kafka.read.compacted import CompactedTopic
from plaudit.kafka.schemas.topic import SchemasFollower, register
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.write.producer import Producer
from waiting import PROMPTLY_S, until

pytestmark = pytest.mark.broker


class Table:
    """A table that tells when it has a key."""

    def __init__(self) -> None:
        self.rows: dict[bytes, bytes] = {}
        self._changed = threading.Condition()

    def apply(self, key: bytes, value: bytes | None) -> None:
        """Take one record."""
        with self._changed:
            if value is None:
                self.rows.pop(key, None)
            else:
                self.rows[key] = value
            self._changed.notify_all()

    def wait(self, rows: dict[bytes, bytes]) -> bool:
        """Wait until the table is this."""
        with self._changed:
            return self._changed.wait_for(lambda: self.rows == rows, PROMPTLY_S)


def test_it_is_ready_after_the_first_full_read_and_follows_new_records(
    settings: KafkaSettings, make_topic: MakeTopic
) -> None:
    topic, table = make_topic(partitions=3, cleanup_policy="compact"), Table()
    with Producer(settings) as producer:
        for number in range(50):
            producer.publish(topic, b"1", b"%d" % number)
        producer.publish(topic, None, b"7")
        assert producer.flush(PROMPTLY_S) == 0
        with CompactedTopic(settings, topic, table.apply, ask_every_s=0.05) as follower:
            assert follower.wait_ready(PROMPTLY_S)
            assert len(table.rows) == 49
            assert b"7" not in table.rows
            current = follower.current_as_of
            producer.publish(topic, None, b"8").result(PROMPTLY_S)
            assert table.wait({b"%d" % n: b"1" for n in range(50) if n not in {7, 8}})
            assert current is not None
            assert follower.ready
            assert follower.problem is None


def test_a_look_up_ends_the_rest_between_two_reads(
    settings: KafkaSettings, make_topic: MakeTopic
) -> None:
    topic, table = make_topic(cleanup_policy="compact"), Table()
    with (
        Producer(settings) as producer,
        CompactedTopic(settings, topic, table.apply, rest_s=3_600.0) as follower,
    ):
        assert follower.wait_ready(PROMPTLY_S)
        producer.publish(topic, b"1", b"key").result(PROMPTLY_S)

        def is_read() -> bool:
            follower.read_soon()
            return b"key" in table.rows

        until(is_read)


def test_an_empty_topic_is_current(settings: KafkaSettings, make_topic: MakeTopic) -> None:
    with CompactedTopic(settings, make_topic(), Table().apply) as follower:
        assert follower.wait_ready(PROMPTLY_S)
        assert follower.current_as_of is not None


def test_it_waits_for_a_missing_topic(settings: KafkaSettings, make_topic: MakeTopic) -> None:
    with CompactedTopic(settings, f"{settings.topic_prefix}topic0", Table().apply) as follower:
        assert follower.wait_ready(0.3) is False
        assert not follower.ready
        assert make_topic() == f"{settings.topic_prefix}topic0"
        assert follower.wait_ready(PROMPTLY_S)


def test_unavailable_brokers_are_reported_as_not_ready(away: KafkaSettings) -> None:
    with CompactedTopic(away, "topic", Table().apply) as follower:
        assert follower.wait_ready(2.5) is False
        assert isinstance(follower.problem, KafkaUnavailable)


def test_an_exception_of_apply_reaches_the_waiting_caller(
    settings: KafkaSettings, make_topic: MakeTopic
) -> None:
    topic = make_topic()

    def fail(key: bytes, value: bytes | None) -> None:
        del key, value
        raise ZeroDivisionError

    with Producer(settings) as producer:
        producer.publish(topic, b"1", b"key").result(PROMPTLY_S)
    with CompactedTopic(settings, topic, fail) as follower, pytest.raises(ZeroDivisionError):
        follower.wait_ready(PROMPTLY_S)


def test_registered_schemas_are_found_and_false_ones_ignored(topics: KafkaSettings) -> None:
    known = lookup("testimonial.approved")
    name = topics.names.schemas
    with Producer(topics) as producer:
        register(producer, name, [known.schema_json])
        producer.publish(name, b'"string"', b"00" * 8).result(PROMPTLY_S)
        producer.publish(name, b"no schema", b"no fingerprint").result(PROMPTLY_S)
    with SchemasFollower(topics) as follower:
        assert follower.wait_ready(PROMPTLY_S)
        found = follower.by_fingerprint(known.fingerprint)
        assert found is not None
        assert json.loads(found) == known.schema
        assert follower.by_fingerprint(bytes(8)) is None
