"""The ledger: what was accepted, compared with what arrived, under kill -9 and a broker restart."""

from __future__ import annotations

import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from functools import partial
from pathlib import Path

import pytest

from conftest import apply_topics
from e2e.rig import Rig
from e2e.sink import Sink, always, failing, good, slow
from plaudit.dev.kafka import LocalKafka
from plaudit.kafka.settings import KafkaSettings
from plaudit.publish import Ack, Publisher

pytestmark = [pytest.mark.broker, pytest.mark.e2e, pytest.mark.timeout(240)]

EVENTS = 2_000
WAIT_S = 120.0
KEPT = ("good", "flaky", "slow")


@pytest.fixture
def broker(own_kafka: Callable[[], LocalKafka]) -> LocalKafka:
    """A broker that the test may restart."""
    return own_kafka()


@pytest.fixture
def rig(broker: LocalKafka, prefix: str, tmp_path: Path) -> Iterator[Rig]:
    """An installation on that broker."""
    settings = KafkaSettings(
        bootstrap_servers=broker.bootstrap, topic_prefix=prefix, retry_schedule="1s,2s"
    )
    apply_topics(settings)
    with Rig(settings, tmp_path) as made:
        yield made


def enter(ids: set[str], event_id: str, future: Future[Ack]) -> None:
    """Enter an event into the ledger, if the brokers have it."""
    if future.exception() is None:
        ids.add(event_id)


def publish_slowly(rig: Rig, ids: set[str], stop: threading.Event) -> None:
    """Publish for some seconds; an id goes into the ledger when the brokers have acknowledged."""
    with Publisher(rig.settings) as publisher:
        for number in range(EVENTS):
            event = rig.event()
            event_id = str(event.meta.event_id)
            publisher.publish(event).add_done_callback(partial(enter, ids, event_id))
            if number % 20 == 0 and stop.wait(0.05):
                return


def test_nothing_is_lost_when_workers_are_killed_and_the_broker_restarts(
    rig: Rig, sink: Sink, broker: LocalKafka
) -> None:
    endpoints = {
        "good": rig.endpoint(sink.on("good", good)),
        "flaky": rig.endpoint(sink.on("flaky", failing(1))),
        "slow": rig.endpoint(sink.on("slow", slow(0.05))),
        "dead": rig.endpoint(sink.on("dead", always(500))),
    }
    workers = [rig.worker(), rig.worker()]
    accepted: set[str] = set()
    stop = threading.Event()
    publishing = threading.Thread(target=publish_slowly, args=(rig, accepted, stop))
    publishing.start()
    try:
        for quota in (200, 600):
            assert sink.wait_until(partial(arrived_over, sink, quota), WAIT_S)
            victim = workers.pop(0)
            victim.send_signal(signal.SIGKILL)
            victim.wait()
            workers.append(rig.worker())
        broker.restart()
    finally:
        publishing.join(WAIT_S)
        stop.set()
    assert len(accepted) == EVENTS, "the publisher waits for brokers that are away for a moment"

    def all_arrived() -> bool:
        return all(accepted <= sink.ids(name).keys() for name in KEPT)

    assert sink.wait_until(all_arrived, WAIT_S), {
        name: len(accepted - sink.ids(name).keys()) for name in KEPT
    }
    dead = wait_for_dead(rig, accepted)
    for worker in workers:
        assert rig.stop(worker) == 0
    assert dead == {(endpoints["dead"], event_id) for event_id in accepted}
    for name in KEPT:
        arrived = sink.ids(name)
        assert arrived.keys() == accepted, "nothing arrives that was not published"
        doubled = arrived.total() - len(arrived)
        print(f"{name}: {doubled} of {len(arrived)} doubled over two kills")
    bodies = Counter(
        (each.path, each.message_id, each.body) for each in sink.arrivals if each.path == "/good"
    )
    assert len(bodies) == EVENTS, "a repeated delivery has the same id and the same body"


def arrived_over(sink: Sink, quota: int) -> bool:
    """Return whether more events than that have arrived."""
    return len(sink.ids("good")) > quota


def wait_for_dead(rig: Rig, accepted: set[str]) -> set[tuple[str, str]]:
    """Wait until every event is a dead letter of some endpoint; return the pairs."""
    deadline = time.monotonic() + WAIT_S
    while True:
        pairs = {
            (each.headers["plaudit-endpoint-id"], each.headers["ce_id"]) for each in rig.dead()
        }
        if len(pairs) >= len(accepted) or time.monotonic() > deadline:
            return pairs
        time.sleep(0.5)
