"""Brokers that are not there."""

from __future__ import annotations

import pytest

from plaudit.kafka.settings import KafkaSettings


@pytest.fixture
def away(prefix: str) -> KafkaSettings:
    """Settings for brokers that do not run."""
    return KafkaSettings(bootstrap_servers="127.0.0.1:1", topic_prefix=prefix)
