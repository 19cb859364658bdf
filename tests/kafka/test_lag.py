"""The lag of a group, read without joining it, and shown by `plaudit status`."""

from __future__ import annotations

import pytest
from confluent_kafka import Consumer, TopicPartition

from command import CommandLine
from conftest import MakeTopic, delete_before
from plaudit.kafka.read.consumer import Partition
from plaudit.kafka.read.lag import LagReader, PartitionLag
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.write.producer import Ack, Producer
from waiting import PROMPTLY_S

pytestmark = pytest.mark.broker


def write(settings: KafkaSettings, topic: str, count: int) -> list[Ack]:
    with Producer(settings) as producer:
        return [producer.publish(topic, b"x", b"k").result(PROMPTLY_S) for _ in range(count)]


def commit(settings: KafkaSettings, group: str, topic: str, offset: int) -> None:
    client = Consumer({"bootstrap.servers": settings.bootstrap_servers, "group.id": group})
    client.commit(offsets=[TopicPartition(topic, 0, offset)], asynchronous=False)
    client.close()


@pytest.fixture
def group(settings: KafkaSettings) -> str:
    """A group of this test."""
    return f"{settings.topic_prefix}group"


def lags(settings: KafkaSettings, group: str, *topics: str) -> list[PartitionLag]:
    reader = LagReader(settings, group)
    try:
        return reader.read(topics)
    finally:
        reader.close()


def test_the_lag_of_a_group_counts_uncommitted_records(
    settings: KafkaSettings, make_topic: MakeTopic, group: str
) -> None:
    topic = make_topic(message_timestamp_type="LogAppendTime")
    acks = write(settings, topic, 5)
    commit(settings, group, topic, 3)
    [lag] = lags(settings, group, topic, "no.such.topic")
    assert lag == PartitionLag(topic, 0, 3, 5)
    assert lag.behind == 2
    reader = LagReader(settings, group)
    first = reader.first(lag)
    assert first is not None
    assert first.timestamp_ms == acks[3].timestamp_ms
    reader.close()


def test_without_a_commit_all_that_is_in_the_log_waits(
    settings: KafkaSettings, make_topic: MakeTopic, group: str
) -> None:
    topic = make_topic()
    write(settings, topic, 5)
    delete_before(settings, Partition(topic, 0), 2)
    [lag] = lags(settings, group, topic)
    assert (lag.committed, lag.behind) == (2, 3)


def test_records_that_retention_removed_do_not_wait(
    settings: KafkaSettings, make_topic: MakeTopic, group: str
) -> None:
    topic = make_topic()
    write(settings, topic, 5)
    commit(settings, group, topic, 1)
    delete_before(settings, Partition(topic, 0), 4)
    [lag] = lags(settings, group, topic)
    assert (lag.committed, lag.behind) == (4, 1)


def test_status_shows_what_waits(topics: KafkaSettings) -> None:
    plaudit = CommandLine(topics, {"PLAUDIT_RETRY_SCHEDULE": topics.retry_schedule or ""})
    idle = plaudit("status")
    assert "nothing is waiting" in idle.out
    assert "the events lane has no worker: run `plaudit deliver`" in idle.err
    topic = topics.names.event_topics[0]
    write(topics, topic, 3)
    status = plaudit("status", "--json")
    [told] = status.json
    assert (status.code, told["ok"]) == (0, True)
    [waiting] = [each for each in told["topics"] if each["behind"]]
    assert (waiting["lane"], waiting["topic"], waiting["behind"]) == ("events", topic, 3)
    assert waiting["overdue_ms"] >= 0
    assert told["dead_letters"]["deliveries"] == {"alive": 0, "expiring_within_3d": 0}
    assert topic in plaudit("status").out


def test_status_names_topics_that_are_missing(settings: KafkaSettings) -> None:
    told = CommandLine(settings)("status")
    assert told.code == 1
    assert f"{settings.names.attempts}: does not exist: run `plaudit topics apply`" in told.err


def test_status_reports_unavailable_brokers_in_one_line(
    away: KafkaSettings,
) -> None:
    told = CommandLine(away)("status")
    assert (told.code, told.err.count("\n")) == (1, 1)
    assert "127.0.0.1:1: connection refused. Check KAFKA_BOOTSTRAP_SERVERS" in told.err


def test_a_position_past_the_end_and_a_lost_range_are_reported(
    settings: KafkaSettings, make_topic: MakeTopic, group: str
) -> None:
    beyond, lossy = make_topic(), make_topic()
    write(settings, beyond, 5)
    commit(settings, group, beyond, 5_000)
    write(settings, lossy, 5)
    commit(settings, group, lossy, 1)
    delete_before(settings, Partition(lossy, 0), 4)
    past, lost = lags(settings, group, beyond, lossy)
    assert (past.past_end, past.committed, past.behind, past.lost) == (4_995, 0, 5, 0)
    assert (lost.past_end, lost.committed, lost.behind, lost.lost) == (0, 4, 1, 3)


def test_status_warns_of_both(topics: KafkaSettings) -> None:
    plaudit = CommandLine(topics, {"PLAUDIT_RETRY_SCHEDULE": topics.retry_schedule or ""})
    names = topics.names
    events, now = names.event_topics[0], names.deliveries_now
    commit(topics, names.events_group, events, 5_000)
    commit(topics, names.deliveries_group, now, 0)
    with Producer(topics) as producer:
        for _ in range(3):
            producer.publish(now, b"x", b"k", partition=0).result(PROMPTLY_S)
    delete_before(topics, Partition(now, 0), 2)
    told = plaudit("status").err
    assert f"{events}: the events lane's position is past the end of partitions 0" in told
    assert f"{now}: up to 2 records are gone" in told
