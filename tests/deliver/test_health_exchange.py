"""Workers exchange findings through a real topic, which may hold anything, or be missing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from plaudit.deliver.health_exchange import HealthExchange
from plaudit.deliver.isolation.health_registry import HealthRegistry
from plaudit.kafka.admin.topic_specs import Section, declared
from plaudit.kafka.admin.topics import Admin, apply
from plaudit.kafka.broker_clock import BrokerClock
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.write.producer import Producer
from plaudit.transport.errors import ConnectFailed

pytestmark = pytest.mark.broker

PROMPTLY_S = 60.0


class Worker:
    """The part of a worker that knows the health of endpoints, and exchanges it."""

    def __init__(self, settings: KafkaSettings, stack: ExitStack) -> None:
        self.registry = HealthRegistry()
        self.producer = stack.enter_context(Producer(settings))
        self.exchange = HealthExchange(settings, self.producer, self.registry, BrokerClock())
        self.exchange.start()
        stack.callback(self.exchange.close)

    def fails(self, endpoint_id: str) -> None:
        """See an endpoint fail ten times."""
        now_s = time.monotonic()
        health = self.registry.join(endpoint_id, 1, now_s)
        for _ in range(10):
            health.report(health.permit(now_s), ConnectFailed(), 0.1, now_s)
        assert health.open

    def look(self) -> None:
        self.exchange.tick(lambda _: False)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def wait_until_heard(worker: Worker, *, told_by: Worker) -> None:
    """Let both look after their exchange until one has heard something."""
    deadline = time.monotonic() + PROMPTLY_S
    while not worker.exchange.received:
        assert time.monotonic() < deadline, "nothing was heard"
        told_by.look()
        worker.look()
        time.sleep(0.05)


def test_an_open_circuit_is_known_to_a_running_worker_and_to_one_that_starts_later(
    settings: KafkaSettings, stack: ExitStack
) -> None:
    specs = declared(settings, single_node=True)
    assert apply(Admin(settings), [each for each in specs if each.section is Section.HEALTH]).ok
    one, other = Worker(settings, stack), Worker(settings, stack)
    for value in (b"garbage", b"", None):
        one.producer.publish(settings.names.health, value, b"bad").result(PROMPTLY_S)
    one.fails("bad")
    wait_until_heard(other, told_by=one)
    assert other.registry.join("bad", 1, time.monotonic()).open
    assert not other.registry.join("good", 1, time.monotonic()).open
    late = Worker(settings, stack)
    wait_until_heard(late, told_by=one)
    assert (other.exchange.refused, one.exchange.received) == (2, 0)


def test_without_the_topic_a_worker_reports_nothing_and_does_not_wait(
    settings: KafkaSettings, stack: ExitStack
) -> None:
    worker = Worker(settings, stack)
    worker.fails("bad")
    for _ in range(3):
        worker.look()
    assert worker.producer.unacknowledged() == 0
