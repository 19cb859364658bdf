"""The due work of a lane, for autoscalers: parked retries are not work."""

from __future__ import annotations

import time
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition

from bitmaps import metadata
from plaudit.control.scaling import FRESH_S, DueWork, LaneReader, ScaledLane, ScalingView, head
from plaudit.kafka.read.lag import GroupPosition
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.write.producer import Ack, Producer
from plaudit.records.delays import Delay

DELAY = Delay.parse("5m")
DELIVERIES = ScaledLane.DELIVERIES


@pytest.mark.parametrize(
    ("position", "counted"),
    [
        (GroupPosition(None, ""), 10),
        (GroupPosition(14, ""), 6),
        (GroupPosition(14, metadata(14, [15, 19])), 4),
        (GroupPosition(14, "another program's"), 6),
        (GroupPosition(20, ""), 0),
        (GroupPosition(3, ""), 10),
        (GroupPosition(999, ""), 10),
    ],
)
def test_finished_records_of_a_group_do_not_count(position: GroupPosition, counted: int) -> None:
    found = head(position, 10, 20)
    assert found.before(found.end) == counted


def test_an_answer_is_repeated_for_some_seconds() -> None:
    now, asked = [0.0], []

    def read(lane: ScaledLane) -> DueWork:
        asked.append(lane)
        return DueWork(lane, len(asked), 0, 0, "")

    view = ScalingView(read, lambda: now[0])
    assert [view.of(DELIVERIES).due_records for _ in range(3)] == [1, 1, 1]
    assert view.of(ScaledLane.EVENTS).due_records == 2, "each lane has its own"
    now[0] = FRESH_S
    assert view.of(DELIVERIES).due_records == 3


def written(settings: KafkaSettings) -> list[Ack]:
    """Write three retries that wait for five minutes."""
    acks = []
    with Producer(settings) as producer:
        for _ in range(3):
            topic = settings.names.deliveries(DELAY)
            acks.append(producer.publish(topic, b"x", b"k").result(30))
            time.sleep(0.01)  # a millisecond of its own
    return acks


def commit(settings: KafkaSettings, ack: Ack, *, done: list[int]) -> None:
    """Commit a position, with records that are done above it."""
    config: dict[str, Any] = {
        "bootstrap.servers": settings.bootstrap_servers,
        "group.id": settings.names.deliveries_group,
    }
    client = Consumer(config)
    topic = settings.names.deliveries(DELAY)
    place = TopicPartition(topic, ack.partition, ack.offset, metadata(ack.offset, done))
    client.commit(offsets=[place], asynchronous=False)
    client.close()


@pytest.mark.broker
def test_parked_retries_become_due_after_their_delay(
    topics: KafkaSettings, request: pytest.FixtureRequest
) -> None:
    first, second, third = written(topics)
    now_ms = [0]
    reader = LaneReader(topics, lambda: now_ms[0])
    request.addfinalizer(reader.close)

    def due_at(moment_ms: int) -> tuple[int, int, int]:
        now_ms[0] = moment_ms
        found = reader.read(DELIVERIES)
        return found.due_records, found.overdue_seconds, found.waiting_records

    assert due_at(first.timestamp_ms + DELAY.millis - 1) == (0, 0, 3)
    assert due_at(first.timestamp_ms + DELAY.millis) == (1, 0, 3)
    between_s = (second.timestamp_ms - first.timestamp_ms) // 1_000  # on a busy machine
    assert due_at(second.timestamp_ms + DELAY.millis)[0] == 2
    assert due_at(second.timestamp_ms + DELAY.millis)[1] <= between_s
    late_ms = first.timestamp_ms + DELAY.millis + 90_500
    assert due_at(late_ms) == (3, 90, 3)
    commit(topics, first, done=[second.offset])
    assert due_at(late_ms) == (2, 90, 2)
    commit(topics, third, done=[])
    found = due_at(third.timestamp_ms + DELAY.millis + 7_000)
    assert found in {(1, 7, 1), (1, 6, 1)}
    assert reader.read(ScaledLane.EVENTS).due_records == 0
