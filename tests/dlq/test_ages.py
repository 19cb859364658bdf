"""Age of the oldest dead letter: cheap while it is young, exact before it expires."""

from __future__ import annotations

import time

import pytest

from plaudit.dlq.letters.ages import EXACT_EVERY_S, NEAR_MS, LetterAge, LetterAges
from plaudit.dlq.letters.letter import RETENTION_MS
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.write.producer import Producer

pytestmark = pytest.mark.broker

DAY_MS = 24 * 3_600_000


def test_the_oldest_letter_that_was_not_treated_counts(topics: KafkaSettings) -> None:
    topic = topics.names.dlq_deliveries
    moments = []
    with Producer(topics) as producer:
        for key in (b"1", b"2", b"3"):
            moments.append(producer.publish(topic, b"x", key).result(30).timestamp_ms)
            time.sleep(0.01)  # a millisecond of its own
    passed = {"ms": 0, "s": 0.0}
    ages = LetterAges(topics, lambda: moments[0] + int(passed["ms"]), lambda: passed["s"])
    ages.look()
    assert ages.found == {topic: LetterAge(moments[0], moments[0] + RETENTION_MS)}
    with Producer(topics) as producer:
        producer.publish(topic, None, b"1").result(30)
    ages.look()
    assert ages.found[topic].dead_ms == moments[0], "a bound, without reading"
    passed["ms"] = RETENTION_MS - NEAR_MS + DAY_MS
    ages.look()
    assert ages.found[topic].dead_ms == moments[1], "the first one was treated"
    with Producer(topics) as producer:
        producer.publish(topic, None, b"2").result(30)
    ages.look()
    assert ages.found[topic].dead_ms == moments[1], "read once an hour"
    passed["s"] = EXACT_EVERY_S
    ages.look()
    assert ages.found[topic].dead_ms == moments[2]
