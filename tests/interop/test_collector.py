"""OpenTelemetry's own collector receives the spans of one event from API, worker and recorder."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import httpx
import pytest

from conftest import apply_topics
from e2e.rig import PLAUDIT, Rig, free_port, ready
from e2e.sink import Sink, good
from interop.toolchain import tool
from plaudit.kafka.settings import KafkaSettings
from waiting import until, until_equal

pytestmark = [pytest.mark.broker, pytest.mark.nightly, pytest.mark.timeout(180)]

COLLECTOR: Final = "otelcorecol"
"""`go install go.opentelemetry.io/collector/cmd/otelcorecol@latest` makes it."""
CONFIG: Final = """
receivers:
  otlp: {{protocols: {{http: {{endpoint: "127.0.0.1:{port}"}}}}}}
exporters:
  debug: {{verbosity: detailed}}
service:
  telemetry: {{metrics: {{level: none}}}}
  pipelines:
    traces: {{receivers: [otlp], exporters: [debug]}}
"""
SPAN: Final = re.compile(
    r"Trace ID +: (?P<trace>\w+)\s+Parent ID +: (?P<parent>\w*)\s+ID +: (?P<id>\w+)\s+"
    r"Name +: (?P<name>.+)"
)
LINK: Final = re.compile(r"SpanLink #\d+\s+-> Trace ID: (?P<trace>\w+)\s+-> ID: (?P<id>\w+)")


class Received(NamedTuple):
    """A span, as the collector printed it."""

    trace: str
    parent: str
    id: str
    name: str


class Collector:
    """A running collector.

    Attributes:
        endpoint: where it takes OTLP.
    """

    def __init__(self, endpoint: str, log: Path) -> None:
        self.endpoint = endpoint
        self._log = log

    @property
    def spans(self) -> dict[str, Received]:
        """The spans that came in, by the first word of their names."""
        found = [Received(**each.groupdict()) for each in SPAN.finditer(self._log.read_text())]
        return {each.name.partition(" ")[0]: each for each in found}

    @property
    def links(self) -> set[tuple[str, str]]:
        """Trace and span of every link that came in."""
        return {(each["trace"], each["id"]) for each in LINK.finditer(self._log.read_text())}


@contextmanager
def collecting(folder: Path) -> Iterator[Collector]:
    """Run a collector."""
    port, config, log = free_port(), folder / "collector.yaml", folder / "collector.log"
    program = tool(COLLECTOR)
    config.write_text(CONFIG.format(port=port))
    with log.open("wb") as said:
        process = subprocess.Popen([program, "--config", config], stdout=said, stderr=said)
    try:
        until(lambda: "Everything is ready" in log.read_text(), "the collector listens")
        yield Collector(f"http://127.0.0.1:{port}", log)
    finally:
        process.terminate()
        process.wait(20)


def test_a_collector_receives_one_trace_from_the_request_to_the_webhook(
    settings: KafkaSettings, tmp_path: Path
) -> None:
    apply_topics(settings)
    with collecting(tmp_path) as collector, Sink() as sink, Rig(settings, tmp_path) as rig:
        exported = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
            "OTEL_BSP_SCHEDULE_DELAY": "100",
        }
        rig.endpoint(sink.on("hook", good))
        publish(rig, exported)
        rig.worker(**exported)
        rig.process("record", **exported)
        until(lambda: {*collector.spans} >= {"publish", "deliver", "attempt", "settle", "record"})
        spans = collector.spans
        publish_id, deliver_id = spans["publish"].id, spans["deliver"].id
        [arrival] = sink.arrivals
        assert len({each.trace for name, each in spans.items() if name != "record"}) == 1
        assert spans["publish"].parent == "b7ad6b7169203331"
        assert spans["deliver"].parent == publish_id
        assert spans["attempt"].parent == spans["settle"].parent == deliver_id
        assert arrival.headers["traceparent"].split("-")[2] == spans["attempt"].id
        assert (spans["deliver"].trace, deliver_id) in collector.links, "of the recorder's batch"


def publish(rig: Rig, exported: dict[str, str]) -> None:
    """Publish an event over the API, in the trace of a caller."""
    made = subprocess.run(
        [PLAUDIT, "keys", "create", "interop", "--scope", "admin", "--json"],
        env=rig.environment, capture_output=True, check=True,
    )  # fmt: skip
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    rig.process("serve", PLAUDIT_API_PORT=str(port), **exported)
    until_equal(lambda: ready(base), 200)
    event = rig.event()
    body = {"type": "testimonial.approved", "data": json.loads(event.model_dump_json())}
    headers = {
        "authorization": f"Bearer {json.loads(made.stdout)['key']}",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    }
    answer = httpx.post(f"{base}/v1/events", headers=headers, json=body, timeout=30)
    assert answer.status_code == 202, answer.text
