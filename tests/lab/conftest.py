"""Fixtures with the brokers on which scenarios run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conftest import apply_topics
from lab.guarded import GuardedKafka
from lab.stage import Place
from plaudit.dev.kafka import FoundKafka, LocalKafka
from plaudit.dev.kafka_errors import KafkaNotFound
from plaudit.kafka.settings import KafkaSettings

SCHEDULE = "1s,2s"
# The leaders of a broker that comes back are moved back to it within a second or two.
LEADERS_MOVE_BACK = {
    "leader.imbalance.check.interval.seconds": "1",
    "leader.imbalance.per.broker.percentage": "0",
}


@pytest.fixture
def place(kafka: FoundKafka, prefix: str, tmp_path: Path) -> Place:
    """The broker of all tests, under a fresh prefix."""
    settings = KafkaSettings(
        bootstrap_servers=kafka.bootstrap, topic_prefix=prefix, retry_schedule=SCHEDULE
    )
    apply_topics(settings)
    return Place(settings, tmp_path)


@pytest.fixture
def own_place(own_kafka: Callable[[], LocalKafka], prefix: str, tmp_path: Path) -> Place:
    """A separate broker, which the test may kill."""
    broker = own_kafka()
    settings = KafkaSettings(
        bootstrap_servers=broker.bootstrap, topic_prefix=prefix, retry_schedule=SCHEDULE
    )
    apply_topics(settings)
    return Place(settings, tmp_path, broker)


@pytest.fixture(scope="session")
def three_brokers() -> Iterator[LocalKafka]:
    """A cluster that scenarios may break, and must leave intact."""
    try:
        cluster = LocalKafka(nodes=3, overrides=LEADERS_MOVE_BACK)
    except KafkaNotFound as error:
        pytest.skip(f"no local Kafka: {error}")
    with cluster:
        yield cluster


@pytest.fixture
def cluster_place(three_brokers: LocalKafka, prefix: str, tmp_path: Path) -> Iterator[Place]:
    """Three brokers, topics with three replicas of which two must be in sync."""
    settings = KafkaSettings(
        bootstrap_servers=three_brokers.bootstrap, topic_prefix=prefix, retry_schedule=SCHEDULE
    )
    apply_topics(settings, single_node=False)
    yield Place(settings, tmp_path, three_brokers)
    three_brokers.start()


@pytest.fixture
def guarded_place(guarded_kafka: GuardedKafka, prefix: str, tmp_path: Path) -> Place:
    """A broker on which a test can revoke the permissions of the workers' user."""
    settings = KafkaSettings(
        bootstrap_servers=guarded_kafka.bootstrap, topic_prefix=prefix, retry_schedule=SCHEDULE
    )
    apply_topics(settings)
    guarded_kafka.admit(prefix)
    return Place(settings, tmp_path, guarded_kafka, guarded_kafka.credentials)
