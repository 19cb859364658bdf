"""A topic that does not exist is called missing, soon, by its name and with what to do."""

from __future__ import annotations

import time

import pytest

from command import CommandLine
from plaudit.events.examples import example, example_json
from plaudit.kafka.errors import TopicMissing
from plaudit.kafka.settings import KafkaSettings
from plaudit.publish import Publisher

pytestmark = pytest.mark.broker

TYPE = "testimonial.approved"
SOON_S = 5.0
"""About a second on a quiet machine; the delivery timeout is 30."""


def said_of(settings: KafkaSettings) -> str:
    """Return the message."""
    return (
        f"topic {settings.names.event_topics[0]} does not exist; run `plaudit topics apply`, or "
        "correct PLAUDIT_TOPIC_PREFIX"
    )


def test_a_publisher_s_future_names_the_missing_topic(settings: KafkaSettings) -> None:
    publisher = Publisher(settings)
    began = time.monotonic()
    with pytest.raises(TopicMissing) as caught:
        publisher.publish(example(TYPE)).result(30)
    assert time.monotonic() - began < SOON_S
    assert str(caught.value) == said_of(settings)
    assert caught.value.topic == settings.names.event_topics[0]
    publisher.close()


def test_a_transaction_names_the_missing_topic(settings: KafkaSettings) -> None:
    publisher = Publisher(settings, transactional_id="reviews")
    with pytest.raises(TopicMissing), publisher.transaction() as batch:
        batch.publish(example(TYPE))
    publisher.close()


def test_the_command_names_the_missing_topic(settings: KafkaSettings) -> None:
    began = time.monotonic()
    told = CommandLine(settings)("publish", TYPE, stdin=example_json(TYPE).encode())
    assert time.monotonic() - began < SOON_S
    assert told.code == 1
    assert said_of(settings) in told.err
