"""Events of recorded attempts: read from Kafka in ranges, and stored."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import Engine

from attempts import WORKSPACE, attempt
from databases import new_sqlite
from plaudit.kafka.read.consumer import Partition
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.write.producer import Producer
from plaudit.recorder.payloads import WIDEST_GAP, Origin, PayloadKeeper, rounds
from plaudit.recorder.projector import Projector, Read
from plaudit.recorder.recorder import Recorder
from plaudit.records.attempt import encode_attempt
from plaudit.store.log.payloads import PayloadStore
from recorder.test_recorder import running
from store.unreachable import KEYS
from waiting import until

FIRST, SECOND = Partition("testimonials", 0), Partition("testimonials", 1)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """An empty database."""
    made = new_sqlite(tmp_path / "plaudit.db")
    yield made
    made.dispose()


def test_places_that_are_close_are_read_in_one_range_and_others_in_later_rounds() -> None:
    far = 10 + WIDEST_GAP + 1
    wanted = {
        Origin(FIRST, far): None,
        Origin(FIRST, 9): None,
        Origin(FIRST, 5): None,
        Origin(SECOND, 2): None,
    }
    assert list(rounds(wanted)) == [{FIRST: (5, 10), SECOND: (2, 3)}, {FIRST: (far, far + 1)}]


def publish(settings: KafkaSettings, count: int) -> list[tuple[str, str, int, int]]:
    """Write records to an event topic; return an event id and a place for each."""
    topic = settings.names.event_topics[0]
    with Producer(settings) as producer:
        acks = [
            producer.publish(topic, f"event {number}".encode(), b"key", [("ce_id", b"x")])
            for number in range(count)
        ]
        places = [each.result(10) for each in acks]
    return [(str(uuid.uuid4()), topic, each.partition, each.offset) for each in places]


def attempt_of(event_id: str, topic: str, partition: int, offset: int) -> bytes:
    """Return the record of an attempt for an event at a place."""
    return encode_attempt(
        attempt(
            event_id=event_id, origin_topic=topic, origin_partition=partition, origin_offset=offset
        )
    )


@pytest.mark.broker
def test_the_recorder_stores_the_event_of_each_attempt_before_it_commits(
    topics: KafkaSettings, engine: Engine
) -> None:
    published = publish(topics, 12)
    wanted = published[::5]
    with Producer(topics) as producer:
        for each in wanted:
            producer.publish(topics.names.attempts, attempt_of(*each), b"endpoint")
    store = PayloadStore(engine, KEYS)
    keeper = PayloadKeeper(topics, store)
    recorder = Recorder(topics, Projector(engine, None), payloads=keeper)
    with running(recorder):
        until(lambda: all(store.find(each[0], WORKSPACE) for each in wanted))
    keeper.close()
    for number, each in enumerate(published):
        found = store.find(each[0], WORKSPACE)
        assert (found is not None) == (each in wanted)
        assert found is None or (found.value, found.key) == (f"event {number}".encode(), b"key")


@pytest.mark.broker
def test_an_event_that_kafka_has_no_more_stops_neither_the_log_nor_the_others(
    topics: KafkaSettings, engine: Engine
) -> None:
    [present] = publish(topics, 1)
    store = PayloadStore(engine, KEYS)
    keeper = PayloadKeeper(topics, store)
    absent = str(uuid.uuid4()), *present[1:3], 4_711
    batch = [
        Read("attempts", 0, number, value)
        for number, value in enumerate(
            (attempt_of(*absent), attempt_of(*present), b"not an attempt")
        )
    ]
    keeper.keep(batch)
    keeper.close()
    assert store.find(present[0], WORKSPACE) is not None
    assert store.find(absent[0], WORKSPACE) is None
