"""The catalogue of metrics, and what processes expose of it."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from plaudit.api.health import ApiHealth
from plaudit.api.middleware.metrics import MetricsMiddleware
from plaudit.cli.outbox_metrics import Watched
from plaudit.dlq.letters.ages import LetterAge, LetterAgesCollector
from plaudit.endpoints.keys import SecretKeys
from plaudit.kafka.read.consumer import Partition
from plaudit.outbox.queue import Backlog
from plaudit.recorder.health import RecorderHealth
from plaudit.recorder.lag import RecorderLag
from plaudit.recorder.projector import ProjectionCounts
from plaudit.runtime.metrics import deliver, others
from plaudit.runtime.metrics.catalogue import CATALOGUE, SECTIONS
from plaudit.runtime.metrics.common import CONSUMERS, EVERYWHERE, seeded
from plaudit.runtime.metrics.spec import MetricSpec
from plaudit.store.endpoints.key_use import KeyUse
from promtool import promtool

PARTITION = Partition("plaudit.attempts", 0)


def recorder() -> CollectorRegistry:
    """Return the registry of a recorder that is three records behind."""
    lag = RecorderLag(lambda _: 3)
    lag.measure({PARTITION: 0}, 1_000)
    found: Any = SimpleNamespace(lost=0, positions_reset=0, trouble=None, group="g", lag=lag)
    brokers: Any = SimpleNamespace(problem=None)
    registry = RecorderHealth(found, ProjectionCounts(), brokers).registry
    registry.register(KeyUse(found, SecretKeys([bytes(32)])))
    return registry


def relay() -> CollectorRegistry:
    """Return the registry of a relay that has done nothing."""
    tally = SimpleNamespace(
        published=0, refused=0, failures=0, active=False, backlog=Backlog(0, 0, 0.0), shut=()
    )
    service: Any = SimpleNamespace(tally=tally)
    return Watched(service).registry


def letters() -> CollectorRegistry:
    """Return the registry of a process that carries out jobs; a topic has one letter."""
    age = LetterAge(dead_ms=1_000, expires_ms=9_000)
    found: Any = SimpleNamespace(now_ms=4_000, found={"plaudit.dlq.events": age})
    registry = CollectorRegistry()
    registry.register(LetterAgesCollector(found))
    return registry


def api() -> CollectorRegistry:
    """Return the registry of an API."""
    registry = ApiHealth(lambda: ()).registry

    async def app(*_: object) -> None:
        """Serve nothing."""

    MetricsMiddleware(app, registry)
    return registry


PROCESSES: list[tuple[Callable[[], CollectorRegistry], tuple[MetricSpec, ...]]] = [
    (recorder, (*EVERYWHERE, *CONSUMERS, *others.RECORDER)),
    (letters, others.DEAD_LETTERS),
    (relay, (*EVERYWHERE, *others.OUTBOX)),
    (api, (*EVERYWHERE, *others.API)),
]


@pytest.mark.parametrize(("make", "specs"), PROCESSES, ids=["record", "jobs", "relay", "serve"])
def test_a_process_exposes_its_part_of_the_catalogue(
    make: Callable[[], CollectorRegistry], specs: tuple[MetricSpec, ...]
) -> None:
    text = generate_latest(make()).decode()
    families = {each.name: each.type for each in text_string_to_metric_families(text)}
    ours = {name: kind for name, kind in families.items() if name.startswith("plaudit_")}
    assert ours == {each.name: str(each.kind) for each in specs}
    assert promtool("check", "metrics", text=text) == ""


def test_no_two_metrics_share_a_name() -> None:
    assert sum(map(len, SECTIONS.values())) == len(CATALOGUE)


def test_a_name_ends_in_its_unit() -> None:
    for name, each in CATALOGUE.items():
        is_named = each.unit in {"", "rows"} or f"_{each.unit}" in name
        assert is_named or each is deliver.LANE_FILL, name


def test_a_counter_starts_at_zero_for_every_known_value() -> None:
    assert seeded(["a", "b"], {"b": 2, "c": 1}) == {"a": 0, "b": 2, "c": 1}


def test_a_recorder_is_behind_since_its_oldest_record_that_is_not_written() -> None:
    lag = RecorderLag(lambda _: 10)
    lag.measure({PARTITION: 4}, 1_000)
    lag.measure({PARTITION: 4}, 5_000)
    assert (lag.lags[PARTITION].records, lag.lags[PARTITION].behind_s(6_000)) == (6, 5.0)
    lag.note_read(PARTITION, 4, 3_000)
    lag.note_read(PARTITION, 5, 3_500)
    lag.measure({PARTITION: 6}, 6_000)
    assert (lag.lags[PARTITION].records, lag.lags[PARTITION].behind_s(6_000)) == (6, 3.0)
    lag.note_written()
    lag.measure({PARTITION: 10}, 6_000)
    assert (lag.lags[PARTITION].records, lag.lags[PARTITION].behind_s(9_000)) == (0, 0.0)
