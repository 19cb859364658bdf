"""An operator's work, through the installed command line."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import uuid
from contextlib import suppress
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from e2e.rig import PLAUDIT, Rig, free_port
from e2e.sink import Sink, always, good
from plaudit.kafka.admin.topics import Admin
from plaudit.kafka.settings import KafkaSettings
from plaudit.publish import Publisher
from plaudit.records.endpoint import encode_endpoint, split_endpoint
from plaudit.runtime.metrics.common import CONSUMERS, EVERYWHERE
from plaudit.runtime.metrics.deliver import PER_LANE, PER_WORKER
from promtool import promtool
from waiting import PROMPTLY_S

pytestmark = [pytest.mark.broker, pytest.mark.e2e]

Done = subprocess.CompletedProcess[str]


def plaudit(*arguments: str, text: str = "", **environment: str) -> Done:
    """Run a command to its end."""
    return subprocess.run(
        [PLAUDIT, *arguments],
        env={**os.environ, **environment},
        input=text,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def one_line(done: Done) -> str:
    """Return what a command that failed said: one line, and no traceback."""
    assert "Traceback" not in done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    return lines[0]


def test_from_registering_an_endpoint_to_reading_its_dead_letter(rig: Rig, sink: Sink) -> None:
    environment = {**rig.environment, "PLAUDIT_DATABASE_URL": f"sqlite:///{rig.folder}/plaudit.db"}
    url = sink.on("broken", always(500))
    added = plaudit("endpoints", "add", url, "--workspace", rig.workspace, "--json", **environment)
    assert added.returncode == 0, added.stderr
    endpoint: dict[str, Any] = json.loads(added.stdout)
    assert endpoint["secret"].startswith("whsec_")
    listed = plaudit("endpoints", "list", "--json", **environment)
    assert "secret" not in json.loads(listed.stdout)
    worker = rig.worker(PLAUDIT_DATABASE_URL="")
    # Events appended before its active_from are not matched, by design.
    active = [rig.event().model_dump_json() for _ in range(3)]
    sink.wait_until(lambda: False, 2.5)
    published = plaudit(
        "publish", "testimonial.approved", "-", text="\n".join(active), **environment
    )
    assert published.returncode == 0, published.stderr
    rig.wait_dead(3)
    assert rig.stop(worker) == 0
    dead = plaudit("dlq", "list", "--json", "--endpoint", endpoint["id"], **environment)
    letters = [json.loads(line) for line in dead.stdout.splitlines()]
    assert len(letters) == 3
    assert {each["reason"] for each in letters} == {"exhausted"}
    assert {each["attempts"] for each in letters} == {3}
    assert {each["last_status"] for each in letters} == {500}
    shown = plaudit("dlq", "show", letters[0]["delivery_id"], "--json", **environment)
    event = json.loads(json.loads(shown.stdout)["event"])
    assert event["id"] == letters[0]["event_id"]
    status = plaudit("status", "--json", **environment)
    assert status.returncode == 0, status.stderr
    assert json.loads(status.stdout)["dead_letters"]["deliveries"]["alive"] == 3


def test_a_worker_reports_its_health(rig: Rig, sink: Sink) -> None:
    rig.endpoint(sink.on("good", good))
    port = free_port()
    worker = rig.worker(PLAUDIT_METRICS_PORT=str(port), PLAUDIT_METRICS_HOST="127.0.0.1")
    rig.publish(9)
    with Publisher(rig.settings) as publisher:
        publisher.publish(rig.event(), traceparent=f"00-{'ab' * 16}-{'cd' * 8}-01").result(30)
    assert sink.wait_until(lambda: len(sink.ids("good")) == 10, PROMPTLY_S)
    with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        assert client.get("/healthz").json() == {"ok": True, "problems": []}
        wanted = {"accept": "application/openmetrics-text; version=1.0.0"}
        exemplar = f'# {{trace_id="{"ab" * 16}"}}'

        def has_exemplar() -> bool:
            return exemplar in client.get("/metrics", headers=wanted).text

        assert sink.wait_until(has_exemplar, PROMPTLY_S)
        assert client.get("/readyz").json() == {"ok": True, "problems": []}
        lag = f'plaudit_consumer_lag_records{{group="{rig.settings.names.events_group}"'
        assert sink.wait_until(lambda: lag in client.get("/metrics").text, PROMPTLY_S)
        metrics = client.get("/metrics").text
        assert client.get("/nothing").status_code == 404
    assert 'plaudit_deliveries_settled_total{lane="events",outcome="delivered"} 10.0' in metrics
    assert 'plaudit_attempts_total{lane="events",result="2xx"} 10.0' in metrics
    assert 'plaudit_deliveries_settled_total{lane="events",outcome="dead"} 0.0' in metrics
    assert 'plaudit_records_undecodable_total{lane="events",reason="schema_unknown"} 0.0' in metrics
    assert 'plaudit_due_records{lane="events"}' in metrics
    families = {each.name for each in text_string_to_metric_families(metrics)}
    ours = (*PER_LANE, *PER_WORKER, *EVERYWHERE, *CONSUMERS)
    assert {name for name in families if name.startswith("plaudit_")} == {
        each.name for each in ours
    }
    assert "process_resident_memory_bytes" in metrics
    assert promtool("check", "metrics", text=metrics) == ""
    assert rig.stop(worker) == 0
    assert len(rig.logged("delivery.attempted")) == 10


def test_a_worker_with_a_wrong_secret_key_reports_why_it_is_not_ready(rig: Rig, sink: Sink) -> None:
    rig.endpoint(sink.on("good", good))
    port = free_port()
    rig.worker(
        PLAUDIT_METRICS_PORT=str(port),
        PLAUDIT_METRICS_HOST="127.0.0.1",
        PLAUDIT_SECRET_KEY="A" * 43 + "=",
    )
    with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:

        def opened_none() -> bool:
            with suppress(httpx.TransportError):
                return "PLAUDIT_SECRET_KEY" in client.get("/readyz").text
            return False

        assert sink.wait_until(opened_none, PROMPTLY_S)
        assert client.get("/readyz").status_code == 503
        assert client.get("/healthz").status_code == 200, "a restart would change nothing"
        assert "plaudit_endpoints_unreadable 1.0" in client.get("/metrics").text


def test_a_forged_record_sends_no_events_of_another_tenant(rig: Rig, sink: Sink) -> None:
    victim = rig.workspace
    rig.endpoint(sink.on("victim", good))
    hostile = rig.endpoint(sink.on("hostile", good), workspace_id=str(uuid.uuid4()))
    topic = rig.settings.names.endpoints
    [genuine] = [each.value() for each in rig.read(topic) if each.key() == hostile.encode()]
    record, length = split_endpoint(genuine)
    record["workspace_id"], record["version"] = victim, 2
    rig.write(topic, hostile.encode(), encode_endpoint(record) + genuine[length:])
    worker = rig.worker()
    rig.publish(20)
    assert sink.wait_until(lambda: len(sink.ids("victim")) == 20, PROMPTLY_S)
    assert rig.stop(worker) == 0
    assert not sink.ids("hostile")
    assert rig.logged("endpoint.unreadable")


def test_a_worker_without_its_topics_ends_with_one_clear_line(settings: KafkaSettings) -> None:
    done = plaudit(
        "deliver",
        KAFKA_BOOTSTRAP_SERVERS=settings.bootstrap_servers,
        PLAUDIT_TOPIC_PREFIX=settings.topic_prefix,
        PLAUDIT_SECRET_KEY="A" * 43 + "=",
        PLAUDIT_METRICS_PORT="0",
    )
    assert done.returncode == 1
    line = one_line(done)
    assert "does not exist" in line
    assert "plaudit topics apply" in line


def test_a_worker_waits_for_brokers_and_stops_on_a_signal() -> None:
    port = free_port()
    with subprocess.Popen(
        [PLAUDIT, "deliver"],
        env={
            **os.environ,
            "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
            "PLAUDIT_SECRET_KEY": "A" * 43 + "=",
            "PLAUDIT_METRICS_PORT": str(port),
        },
        stdout=subprocess.PIPE,
        text=True,
    ) as worker:
        assert worker.stdout is not None
        events = [json.loads(worker.stdout.readline())["event"] for _ in range(2)]
        assert events == ["process.started", "worker.unavailable"]
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
            assert client.get("/healthz").status_code == 200, "restarting would not bring them back"
            assert client.get("/readyz").status_code == 503
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(30) == 0


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        (["deliver"], {}, "KAFKA_BOOTSTRAP_SERVERS"),
        (["deliver"], {"KAFKA_BOOTSTRAP_SERVERS": "x:y"}, "KAFKA_BOOTSTRAP_SERVERS"),
        (["deliver"], {"KAFKA_BOOTSTRAP_SERVERS": "x:1"}, "PLAUDIT_SECRET_KEY"),
        (["deliver"], {"PLAUDIT_ALLOW_NETWORKS": "here"}, "PLAUDIT_ALLOW_NETWORKS"),
        (["deliver"], {"PLAUDIT_RETRY_SCHEDULE": "soon"}, "PLAUDIT_RETRY_SCHEDULE"),
        (["topics", "check"], {"PLAUDIT_TOPIC_PREFIX": "a b"}, "PLAUDIT_TOPIC_PREFIX"),
        (["publish", "testimonial.aproved", "-"], {}, "did you mean testimonial.approved"),
        (["schemas", "show", "nothing"], {}, "unknown event type"),
        (["endpoints", "list"], {"PLAUDIT_SECRET_KEY": "short"}, "PLAUDIT_SECRET_KEY"),
        (["listen", "--secret", "hunter2"], {}, "whsec_"),
    ],
)
def test_a_mistake_is_one_line_that_names_it_and_exit_code_2(
    arguments: list[str], environment: dict[str, str], said: str
) -> None:
    done = plaudit(*arguments, **environment)
    assert done.returncode == 2, done.stderr
    assert said in one_line(done)
    assert "hunter2" not in done.stderr


def test_the_whole_pipeline_runs_on_one_machine(settings: KafkaSettings) -> None:
    cluster = {"KAFKA_BOOTSTRAP_SERVERS": settings.bootstrap_servers}
    done = plaudit("dev", "--events", "30", "--use-cluster", **cluster)
    assert done.returncode == 0, done.stdout + done.stderr
    prefix = re.search(r"topics (\S+)\*", done.stdout)
    assert prefix is not None
    names = Admin(settings).topic_names()
    assert not [name for name in names if name.startswith(prefix[1])], "it leaves nothing behind"
    assert "all 30 events" in done.stdout


def test_an_event_that_a_plain_client_repeats_has_the_same_id(rig: Rig, sink: Sink) -> None:
    rig.endpoint(sink.on("good", good))
    event = rig.event()
    with Publisher(rig.settings) as publisher:
        for _ in range(2):
            publisher.publish(event).result(30)
    worker = rig.worker()
    assert sink.wait_until(lambda: sink.ids("good").total() == 2, PROMPTLY_S)
    assert rig.stop(worker) == 0
    assert sink.ids("good") == {str(event.meta.event_id): 2}, "a receiver can drop the second"
    assert str(uuid.UUID(sink.arrivals[0].message_id)) == sink.arrivals[0].message_id
