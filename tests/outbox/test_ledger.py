"""The outbox's ledger: kill -9 of the relay, of its database, and a broker restart."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress

import psycopg
import pytest

from conftest import apply_topics
from outbox.conftest import Outbox, new_postgres
from outbox.test_relay import PLAUDIT, approved, empty, ids, ids_of
from plaudit.dev.kafka import LocalKafka
from plaudit.events.models.event import EventModel
from plaudit.kafka.settings import KafkaSettings
from postgres import LocalPostgres, find_programs
from publish.conftest import read_topic
from waiting import until

pytestmark = [pytest.mark.broker, pytest.mark.e2e]

KEYS = 5
TRANSACTIONS = 250
PER_TRANSACTION = 5


class Writer(threading.Thread):
    """A service that writes events of one testimonial, also while its database restarts."""

    def __init__(self, outbox: Outbox, key: int) -> None:
        super().__init__()
        self._outbox, self.key = outbox, key
        self.submitted: list[str] = []
        self.accepted: list[str] = []

    def run(self) -> None:
        for _ in range(TRANSACTIONS // KEYS):
            events = [approved(self.key) for _ in range(PER_TRANSACTION)]
            self.submitted += ids_of(events)
            if self._written(events):
                self.accepted += ids_of(events)
            time.sleep(0.02)  # a service that has other things to do

    def _written(self, events: list[EventModel]) -> bool:
        with suppress(psycopg.Error):
            self._outbox.enqueue(*events)
            return True
        return False


def test_committed_rows_arrive_in_order_despite_kills(
    own_kafka: Callable[[], LocalKafka], prefix: str
) -> None:
    programs = find_programs()
    if programs is None:
        pytest.skip("no Postgres to kill")
    broker = own_kafka()
    settings = KafkaSettings(bootstrap_servers=broker.bootstrap, topic_prefix=prefix)
    apply_topics(settings)
    with LocalPostgres(programs, durable=True) as server:
        outbox = new_postgres(server)
        relays = started(outbox, settings)
        writers = [Writer(outbox, key) for key in range(KEYS)]
        for writer in writers:
            writer.start()
        until(lambda: progress(writers) > 1 / 5)
        relays = killed_and_replaced(relays, outbox, settings)
        until(lambda: progress(writers) > 2 / 5)
        server.kill()
        server.start()
        until(lambda: progress(writers) > 3 / 5)
        broker.restart()
        relays = killed_and_replaced(relays, outbox, settings)
        for writer in writers:
            writer.join()
        until(lambda: empty(outbox))
        assert {*map(said_first, relays)} <= {"outbox.active", "outbox.standby"}
        for each in relays:
            each.terminate()
        for each in relays:
            said, _ = each.communicate(timeout=30)
            assert each.returncode == 0, said
    arrived: dict[int, list[str]] = defaultdict(list)
    for message in read_topic(settings, settings.names.event_topics[0]):
        arrived[uuid.UUID((message.key() or b"").decode()).int] += ids([message])
    doubled = sum(check(writer, arrived[writer.key]) for writer in writers)
    print(f"{doubled} of {sum(map(len, arrived.values()))} doubled over kills and restarts")


def check(writer: Writer, arrived: list[str]) -> int:
    """Compare what one writer wrote with what arrived; return how many were doubled."""
    first = list(dict.fromkeys(arrived))
    assert set(writer.accepted) <= set(first) <= set(writer.submitted)
    assert first == [each for each in writer.submitted if each in set(first)], "in order"
    return len(arrived) - len(first)


def progress(writers: list[Writer]) -> float:
    """Return which part of all events was submitted."""
    return sum(len(each.submitted) for each in writers) / (TRANSACTIONS * PER_TRANSACTION)


def started(outbox: Outbox, settings: KafkaSettings) -> list[subprocess.Popen[bytes]]:
    """Start a relay and one that stands by."""
    environment = {
        **os.environ,
        "KAFKA_BOOTSTRAP_SERVERS": settings.bootstrap_servers,
        "PLAUDIT_TOPIC_PREFIX": settings.topic_prefix,
        "PLAUDIT_OUTBOX_URL": outbox.url,
    }
    relay = [PLAUDIT, "outbox", "relay", "--poll", "0.2"]
    return [subprocess.Popen(relay, env=environment, stdout=subprocess.PIPE) for _ in range(2)]


def said_first(relay: subprocess.Popen[bytes]) -> str:
    """Wait for a relay's first line after its start; by then it can be told to stop."""
    assert relay.stdout is not None
    assert json.loads(relay.stdout.readline())["event"] == "process.started"
    return str(json.loads(relay.stdout.readline())["event"])


def killed_and_replaced(
    relays: list[subprocess.Popen[bytes]], outbox: Outbox, settings: KafkaSettings
) -> list[subprocess.Popen[bytes]]:
    """Kill relays without a warning, and start others."""
    for each in relays:
        each.kill()
        each.communicate()
    return started(outbox, settings)
