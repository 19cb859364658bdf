"""Ids of topics, compared from one check to the next."""

from __future__ import annotations

from collections.abc import Collection
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any, cast

from confluent_kafka import KafkaError, KafkaException

from plaudit.kafka.read.topic_watch import CHECK_EVERY_S, NO_ID, Described, TopicWatch
from plaudit.kafka.types import Partition

FIRST, SECOND, ELSEWHERE = Partition("events", 0), Partition("events", 1), Partition("others", 0)


class Cluster:
    """Brokers that describe topics, at once or when a test says so."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.id = "one"
        self.failure: Exception | None = None
        self.answers = True
        self.asked: list[Future[Any]] = []
        self.watch = TopicWatch(self.describe, lambda: self.now_s)

    def describe(self, topics: Collection[str]) -> Described:
        futures: dict[str, Future[Any]] = {topic: Future() for topic in topics}
        self.asked += futures.values()
        if self.answers:
            self.answer()
        return cast("Described", futures)

    def answer(self) -> None:
        for future in self.asked:
            if self.failure is None:
                future.set_result(SimpleNamespace(topic_id=self.id))
            else:
                future.set_exception(self.failure)
        self.asked = []

    def recreated(self, *held: Partition) -> list[Partition]:
        """Let the time of the next check come; return what it finds."""
        self.now_s += CHECK_EVERY_S
        assert self.watch.recreated(held) == [], "it asks, and does not wait"
        return self.watch.recreated(held)


def test_a_topic_that_was_created_again_is_noticed_once_in_every_partition() -> None:
    cluster = Cluster()
    assert cluster.recreated(FIRST, SECOND) == []
    cluster.id = "two"
    assert cluster.recreated(FIRST, SECOND) == [FIRST, SECOND]
    assert cluster.recreated(FIRST, SECOND) == []


def test_a_new_partition_is_compared_with_the_known_id_of_its_topic() -> None:
    cluster = Cluster()
    assert cluster.recreated(FIRST) == []
    cluster.id = "two"
    assert cluster.watch.recreated([FIRST, SECOND]) == [], "it asks at once, not at the next check"
    assert cluster.watch.recreated([FIRST, SECOND]) == [FIRST, SECOND]
    assert cluster.recreated(FIRST, SECOND) == []


def test_a_topic_without_partitions_here_is_forgotten() -> None:
    cluster = Cluster()
    assert cluster.recreated(FIRST) == []
    assert cluster.recreated(ELSEWHERE) == []
    cluster.id = "two"
    assert cluster.recreated(SECOND) == [], "others may have read the new topic for long"


def test_an_answer_that_is_late_is_taken_later() -> None:
    cluster = Cluster()
    assert cluster.recreated(FIRST) == []
    cluster.id, cluster.answers = "two", False
    assert cluster.recreated(FIRST) == []
    cluster.answer()
    assert cluster.watch.recreated([FIRST]) == [FIRST]


def test_a_briefly_missing_topic_is_not_forgotten() -> None:
    cluster = Cluster()
    cluster.recreated(FIRST)
    cluster.failure = KafkaException(KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART))
    assert cluster.recreated(FIRST) == []
    cluster.failure, cluster.id = None, "two"
    assert cluster.recreated(FIRST) == [FIRST]


def test_a_topic_that_can_not_be_described_at_first_is_compared_later() -> None:
    cluster = Cluster()
    cluster.failure = KafkaException(KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART))
    assert cluster.recreated(FIRST) == []
    cluster.failure = None
    assert cluster.recreated(FIRST) == []
    cluster.id = "two"
    assert cluster.recreated(FIRST) == [FIRST]


def test_brokers_without_ids_change_nothing() -> None:
    cluster = Cluster()
    cluster.recreated(FIRST)
    cluster.id = NO_ID
    assert cluster.recreated(FIRST) == []
