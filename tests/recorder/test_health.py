"""Readiness of a recorder, which is red while the brokers are away."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from plaudit.kafka.admin.client import Admin
from plaudit.kafka.settings import KafkaSettings
from plaudit.recorder.health import RecorderHealth, broker_problems
from plaudit.recorder.projector import ProjectionCounts


def health(trouble: str | None, *problems: str) -> RecorderHealth:
    """Return the health of a recorder with a trouble of its own, and of brokers with problems."""
    recorder: Any = SimpleNamespace(trouble=trouble, progressed_at=float("inf"))

    def ask() -> Sequence[str]:
        return problems

    return RecorderHealth(recorder, ProjectionCounts(), ask)


def test_a_recorder_is_not_ready_while_the_brokers_do_not_answer() -> None:
    assert health(None, "the brokers are away").unready() == ["the brokers are away"]
    assert health(None, "the brokers are away").stuck() == [], "a restart would change nothing"


def test_a_trouble_of_the_recorder_is_named_instead_of_the_brokers() -> None:
    assert health("no database", "the brokers are away").unready() == ["no database"]
    assert health(None).unready() == []


def test_brokers_that_refuse_connections_are_one_problem() -> None:
    brokers = Admin(KafkaSettings(bootstrap_servers="127.0.0.1:1"), 0.2)
    [problem] = broker_problems(brokers, "attempts")
    assert "brokers" in problem


@pytest.mark.broker
def test_a_missing_topic_is_a_problem(topics: KafkaSettings) -> None:
    brokers = Admin(topics)
    assert broker_problems(brokers, topics.names.attempts) == ()
    assert broker_problems(brokers, "attempts") == ("missing topic: attempts",)
