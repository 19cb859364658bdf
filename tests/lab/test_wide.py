"""Events for very many endpoints: what they cost their neighbor, and how much memory they take."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.figures import percentile
from lab.wide import Shape, play
from plaudit.dev.kafka import FoundKafka
from plaudit.kafka.settings import KafkaSettings

# They measure, so nothing else may run beside them.
pytestmark = [pytest.mark.broker, pytest.mark.e2e, pytest.mark.nightly]

NEIGHBORS_P99_MS = 1_000
MOST_MIB = 200
"""Of which 100 are there before: 10,000 endpoints and the clients of Kafka."""


def check(kafka: FoundKafka, folder: Path, shape: Shape) -> None:
    """Play once, and fail with the whole report."""
    seen = play(KafkaSettings(bootstrap_servers=kafka.bootstrap), folder, shape)
    assert (seen.missing, seen.repeated) == (0, 0), str(seen)
    assert percentile(seen.beside_ms, 0.99) < NEIGHBORS_P99_MS, str(seen)
    assert seen.most_mib < MOST_MIB, str(seen)


def test_a_few_wide_events_do_not_hold_their_neighbor_up(kafka: FoundKafka, tmp_path: Path) -> None:
    check(kafka, tmp_path, Shape(5, 500, neighbor_s=5))


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("events", "endpoints"), [(150, 2_000), (5, 10_000)])
def test_many_wide_events_do_not_hold_their_neighbor_up(
    kafka: FoundKafka, tmp_path: Path, events: int, endpoints: int
) -> None:
    check(kafka, tmp_path, Shape(events, endpoints, neighbor_s=60))
