"""KEDA's own scalers, asked with the chart's triggers, see the work that is really there."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import pytest
import yaml

from chart.pods import KUBERNETES
from conftest import apply_topics
from e2e.rig import Rig, free_port, ready
from e2e.sink import Sink, always
from interop.toolchain import tool
from plaudit.dev.kafka import FoundKafka
from plaudit.kafka.settings import KafkaSettings
from waiting import PROMPTLY_S, until, until_equal

pytestmark = [
    pytest.mark.broker, pytest.mark.nightly, pytest.mark.tree, pytest.mark.timeout(240),
]  # fmt: skip

CHART: Final = Path(__file__).parents[2] / "deploy" / "helm" / "plaudit"
SCALERS: Final = "keda-scaling"
"""`make interop-go` makes it of KEDA's module."""
PARKED_S: Final = 20
EVENTS: Final = 8
"""Fewer than the failures that open a circuit: all of them are attempted, and parked."""
Trigger = Mapping[str, Any]


class Seen(NamedTuple):
    """Answer of a scaler.

    Attributes:
        active: whether the Deployment is to have pods at all.
        value: current value; KEDA wants a replica for each `target` of it.
        target: value for each pod.
    """

    active: bool
    value: float
    target: float


def triggers(settings: KafkaSettings) -> dict[str, Trigger]:
    """Return the trigger of each ScaledObject, as the chart renders it."""
    if shutil.which("helm") is None:
        pytest.skip("helm is not installed")
    values = (
        "keda.enabled=true",
        f"kafka.bootstrapServers={settings.bootstrap_servers}",
        f"kafka.topicPrefix={settings.topic_prefix}",
    )
    chosen = [word for each in values for word in ("--set", each)]
    done = subprocess.run(
        ["helm", "template", "plaudit", CHART, "--kube-version", KUBERNETES, *chosen],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = {}
    for each in yaml.safe_load_all(done.stdout):
        if each and each["kind"] == "ScaledObject":
            [trigger] = each["spec"]["triggers"]
            found[each["metadata"]["name"].removeprefix("plaudit-")] = trigger
    return found


def ask(trigger: Trigger) -> Seen:
    """Ask KEDA's scaler once."""
    done = subprocess.run(
        [tool(SCALERS)], input=json.dumps(trigger), capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return Seen(**json.loads(done.stdout))


def at_port(trigger: Trigger, port: int) -> Trigger:
    """Return a trigger that asks this machine instead of the Service."""
    url = urlsplit(trigger["metadata"]["url"])
    assert url.port == 9464
    here = url._replace(netloc=f"127.0.0.1:{port}").geturl()
    return {**trigger, "metadata": {**trigger["metadata"], "url": here}}


def test_lag_scales_where_lag_is_work_and_due_records_where_it_is_not(
    kafka: FoundKafka, prefix: str, tmp_path: Path
) -> None:
    settings = KafkaSettings(
        bootstrap_servers=kafka.bootstrap, topic_prefix=prefix, retry_schedule=f"{PARKED_S}s"
    )
    apply_topics(settings)
    chart = triggers(settings)
    with Sink() as sink, Rig(settings, tmp_path) as rig:
        rig.endpoint(sink.on("broken", always(500)))
        port, api = free_port(), free_port()
        rig.process("serve", PLAUDIT_METRICS_PORT=str(port), PLAUDIT_API_PORT=str(api))
        until_equal(lambda: ready(f"http://127.0.0.1:{api}"), 200)
        events, deliveries = chart["deliver-events"], at_port(chart["deliver-deliveries"], port)
        worker = rig.worker()
        until(lambda: bool(rig.logged("partitions.assigned", 1)), "the worker has partitions")
        rig.publish(EVENTS)
        assert sink.wait_until(lambda: sink.ids("broken", 500).total() == EVENTS, PROMPTLY_S)
        # Each is parked for 20 s: lag, and no work.
        until(lambda: ask(events) == Seen(active=False, value=0, target=5_000), "no lag")
        parked = lag_of(settings, chart)
        assert parked.active
        assert parked.value >= EVENTS
        assert ask(deliveries) == Seen(active=False, value=0, target=2_000)
        assert rig.stop(worker) == 0
        rig.publish(EVENTS + 1)
        assert ask(events) == Seen(active=True, value=EVENTS + 1, target=5_000)
        wanted = Seen(active=True, value=EVENTS, target=2_000)
        until_equal(lambda: ask(deliveries), wanted, 2 * PARKED_S, every_s=1)
        recorder = ask(chart["recorder"])
        assert (recorder.active, recorder.value) == (True, EVENTS)


def lag_of(settings: KafkaSettings, chart: Mapping[str, Trigger]) -> Seen:
    """Ask for the lag of the deliveries lane, which the chart does not scale on."""
    metadata = {**chart["deliver-events"]["metadata"]}
    metadata["consumerGroup"] = settings.names.deliveries_group
    return ask({**chart["deliver-events"], "metadata": metadata})
