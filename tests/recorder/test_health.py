"""Readiness of a recorder, which is red while the brokers are away."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import generate_latest

from plaudit.kafka.admin.client import Admin
from plaudit.kafka.settings import KafkaSettings
from plaudit.recorder.health import BrokerWatch, RecorderHealth
from plaudit.recorder.lag import RecorderLag
from plaudit.recorder.projector import ProjectionCounts


def health(trouble: str | None, problem: str | None) -> RecorderHealth:
    """Return the health of a recorder with a trouble of its own, and of brokers with a problem."""
    lag = RecorderLag(lambda _: 0)
    recorder: Any = SimpleNamespace(
        trouble=trouble, progressed_at=float("inf"), lost=0, positions_reset=0, group="g", lag=lag
    )
    brokers: Any = SimpleNamespace(problem=problem)
    return RecorderHealth(recorder, ProjectionCounts(), brokers)


def test_a_recorder_is_not_ready_and_waits_while_the_brokers_do_not_answer() -> None:
    away = health(None, "the brokers are away")
    assert away.unready() == ["the brokers are away"]
    assert away.stuck() == [], "a restart would change nothing"
    assert b"plaudit_recorder_waiting 1.0" in generate_latest(away.registry)


def test_a_trouble_of_the_recorder_is_named_before_that_of_the_brokers() -> None:
    assert health("no database", "the brokers are away").unready() == ["no database"]
    well = health(None, None)
    assert well.unready() == []
    assert b"plaudit_recorder_waiting 0.0" in generate_latest(well.registry)


def test_brokers_that_refuse_connections_are_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    watch = BrokerWatch(Admin(KafkaSettings(bootstrap_servers="127.0.0.1:1"), 0.2), "attempts")
    for _ in range(2):
        watch.look()
    assert "brokers" in (watch.problem or "")
    assert [each.message for each in caplog.records].count("recorder.unavailable") == 1


@pytest.mark.broker
def test_a_missing_topic_is_a_problem(topics: KafkaSettings) -> None:
    there, missing = (
        BrokerWatch(Admin(topics), each) for each in (topics.names.attempts, "attempts")
    )
    for watch in (there, missing):
        watch.look()
    assert (there.problem, missing.problem) == (None, "missing topic: attempts")
