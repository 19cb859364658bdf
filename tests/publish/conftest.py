"""Reading topics back, and brokers that do not run."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, TopicPartition

from conftest import FEW
from plaudit.kafka.admin.topic_specs import Section, declared
from plaudit.kafka.admin.topics import Admin, apply
from plaudit.kafka.settings import KafkaSettings

ReadAll = Callable[[str], list[Message]]


@pytest.fixture
def topics(settings: KafkaSettings) -> KafkaSettings:
    """The topics of events, which are all that publishing needs; the settings to use them."""
    specs = declared(settings, single_node=True, partitions=FEW)
    applied = apply(Admin(settings), [each for each in specs if each.section is Section.EVENTS])
    assert applied.ok, applied.findings
    return settings


@pytest.fixture
def away(prefix: str) -> KafkaSettings:
    """Settings for brokers that do not run."""
    return KafkaSettings(bootstrap_servers="127.0.0.1:1", topic_prefix=prefix)


@pytest.fixture
def read_all(topics: KafkaSettings) -> ReadAll:
    """Read everything that a topic holds."""
    return partial(read_topic, topics)


def read_topic(settings: KafkaSettings, topic: str) -> list[Message]:
    """Return everything committed that a topic holds."""
    consumer = Consumer(
        {
            "bootstrap.servers": settings.bootstrap_servers,
            "group.id": f"{settings.topic_prefix}reader",
            "enable.partition.eof": True,
            "enable.auto.commit": False,
            "fetch.wait.max.ms": 20,  # the ends of partitions wait for it
        }
    )
    numbers = consumer.list_topics(topic, 10).topics[topic].partitions
    consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in numbers])
    found, ended = [], 0
    while ended < len(numbers):
        message = consumer.poll(10)
        assert message is not None
        error = message.error()
        if error is None:
            found.append(message)
        else:
            assert error.name() == "_PARTITION_EOF"
            ended += 1
    consumer.close()
    return found
