"""Kills from a backlog: what is repeated was on the wire, or delivered a moment before."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bench.children import Arrival
from bench.lab import Effort, Lab
from bench.scenarios.kills import ON_THE_WIRE, kills, repetitions
from plaudit.dev.kafka import FoundKafka
from plaudit.kafka.settings import KafkaSettings

MS = 1_000_000
KILLED_MS = 1_000


def arrival(event_id: str, at_ms: int) -> Arrival:
    """Return a request as the sink saw it."""
    return Arrival(event_id, "/one", at_ms * MS)


def test_a_repetition_counts_for_the_kill_between_its_two_requests() -> None:
    arrivals = [
        arrival("old", 700),
        arrival("committed", 960),
        arrival("recent", 970),
        arrival("sent before, arrived after", KILLED_MS + 1),
        arrival("old", 1_500),
        arrival("recent", 1_500),
        arrival("sent before, arrived after", 1_501),
    ]
    [found, none] = repetitions(arrivals, [KILLED_MS * MS, 2_000 * MS])
    assert (found["repeated"], none["repeated"]) == (3, 0)
    assert found["oldest_ms"] == 300
    assert found["allowed"] == 2 + ON_THE_WIRE


@pytest.mark.nightly
@pytest.mark.broker
@pytest.mark.timeout(900)
def test_two_workers_killed_on_a_backlog_repeat_at_most_the_wire_and_50_ms(
    kafka: FoundKafka, tmp_path: Path
) -> None:
    settings = KafkaSettings(bootstrap_servers=kafka.bootstrap)
    cores = range(os.cpu_count() or 1)
    lab = Lab(settings, cores, Effort(most_foreign=1.0), tmp_path, lambda _: None)
    [share] = [each for each in kills(lab).figures if each.key == "share"]
    assert not share.void, share.void
    assert share.median <= 1, share.samples
