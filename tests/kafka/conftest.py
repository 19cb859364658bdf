"""Topics for single tests."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import pytest

from plaudit.kafka.declaration import Section, TopicSpec
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.topics import Admin

MakeTopic = Callable[..., str]


@pytest.fixture
def make_topic(settings: KafkaSettings) -> MakeTopic:
    """Make a topic with the configuration that is given; returns its name."""
    numbers = count()

    def make(partitions: int = 1, **config: str) -> str:
        name = f"{settings.topic_prefix}topic{next(numbers)}"
        dotted = {key.replace("_", "."): value for key, value in config.items()}
        spec = TopicSpec(name, Section.EVENTS, partitions, 1, dotted)
        assert Admin(settings).create([spec]) == {name: None}
        return name

    return make


@pytest.fixture
def away(prefix: str) -> KafkaSettings:
    """Settings for brokers that nobody runs."""
    return KafkaSettings(bootstrap_servers="127.0.0.1:1", topic_prefix=prefix)
