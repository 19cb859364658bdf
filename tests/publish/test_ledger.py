"""The publisher's ledger: kill -9 of the service, and a restart or kill -9 of the broker."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import apply_topics
from plaudit.dev.kafka import LocalKafka
from plaudit.events.decoding import EventDecoder
from plaudit.kafka.settings import KafkaSettings
from publish.conftest import read_topic

pytestmark = [pytest.mark.broker, pytest.mark.e2e]

PROGRAM = Path(__file__).with_name("publishing_process.py")
PATIENCE_S = 60.0
LINES = 100


class Service:
    """A service whose processes share one ledger."""

    def __init__(self, settings: KafkaSettings, folder: Path, name: str | None) -> None:
        self._ledgers = folder / "submitted", folder / "accepted"
        self._command = [
            sys.executable,
            *map(str, (PROGRAM, *self._ledgers)),
            *([name] if name else []),
        ]
        self._environment = {
            **os.environ,
            "KAFKA_BOOTSTRAP_SERVERS": settings.bootstrap_servers,
            "PLAUDIT_TOPIC_PREFIX": settings.topic_prefix,
        }

    def start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self._command, env=self._environment, stdin=subprocess.PIPE)

    @property
    def submitted(self) -> list[str]:
        return self._lines(0)

    @property
    def accepted(self) -> list[str]:
        return self._lines(1)

    def _lines(self, which: int) -> list[str]:
        path = self._ledgers[which]
        return path.read_text().splitlines() if path.exists() else []

    def wait_for_more(self, lines: int) -> None:
        """Wait until this many more lines are accepted."""
        wanted = len(self.accepted) + lines
        pause = threading.Event()
        for _ in range(int(PATIENCE_S / 0.02)):
            if len(self.accepted) >= wanted:
                return
            pause.wait(0.02)
        raise AssertionError(f"{len(self.accepted)} of {wanted} lines in time")


@pytest.mark.parametrize("name", [None, "ledger"], ids=["one by one", "in transactions"])
def test_acknowledged_events_exist_exactly_once_despite_kills(
    own_kafka: Callable[[], LocalKafka], prefix: str, tmp_path: Path, name: str | None
) -> None:
    broker = own_kafka()
    settings = KafkaSettings(bootstrap_servers=broker.bootstrap, topic_prefix=prefix)
    apply_topics(settings)
    service = Service(settings, tmp_path, name)
    killed = service.start()
    service.wait_for_more(LINES)
    killed.kill()
    killed.communicate()
    going_on = service.start()
    service.wait_for_more(LINES)
    if name is None:
        broker.restart()
    else:
        # After an orderly stop, Kafka 4.3.1 may lose transactions of a partition with one replica:
        # it acknowledges the commit, finds no leader, and skips the commit marker.
        broker.kill()
        broker.start()
    service.wait_for_more(LINES)
    going_on.communicate(timeout=PATIENCE_S)
    assert going_on.returncode == 0
    arrived = arrivals(settings)
    there = set(arrived)
    assert len(arrived) == len(there), "the producer is idempotent, over a restart too"
    submitted = [line.split() for line in service.submitted]
    accepted = {each for line in service.accepted for each in line.split()}
    assert accepted <= there <= {each for line in submitted for each in line}
    parts = [sum(each in there for each in line) / len(line) for line in submitted]
    assert set(parts) <= {0.0, 1.0}, "all of a transaction, or nothing"


def arrivals(settings: KafkaSettings) -> list[str]:
    """Return the ids of what is there."""
    decoder = EventDecoder()
    records = read_topic(settings, settings.names.event_topics[0])
    return [decoder.decode(record.value() or b"").event_id for record in records]
