"""An installation and subscribers for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.rig import Rig
from e2e.sink import Sink
from plaudit.dev.kafka import FoundKafka
from plaudit.kafka.settings import KafkaSettings

SCHEDULE = "1s,2s"


@pytest.fixture
def settings(kafka: FoundKafka, prefix: str) -> KafkaSettings:
    """Settings with a schedule that tests can wait for."""
    return KafkaSettings(
        bootstrap_servers=kafka.bootstrap, topic_prefix=prefix, retry_schedule=SCHEDULE
    )


@pytest.fixture
def sink() -> Iterator[Sink]:
    """Subscribers on loopback."""
    with Sink() as made:
        yield made


@pytest.fixture
def rig(topics: KafkaSettings, tmp_path: Path) -> Iterator[Rig]:
    """An installation whose topics are there."""
    with Rig(topics, tmp_path) as made:
        yield made
