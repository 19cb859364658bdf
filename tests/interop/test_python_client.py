"""Every call of the client that openapi-python-client generates, on a running server."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from api.conftest import Installation
from api.test_api import record
from attempts import attempt
from conftest import FEW
from e2e.sink import Sink, good
from interop.toolchain import tool
from plaudit.events.entity import Entity
from plaudit.events.examples import example_json
from plaudit.kafka.admin.topic_specs import declared
from plaudit.kafka.admin.topics import apply
from plaudit.kafka.settings import KafkaSettings

pytestmark = [pytest.mark.broker, pytest.mark.nightly, pytest.mark.timeout(300)]

_REFUSED = {"retryDelivery": 409, "showDeadLetter": 404, "showScaling": 403}
"""Refusals that belong to the state of the installation, and to the key of a workspace.

The delivery's event was never sent, it is not a dead letter, and only an admin sees the scaling.
"""


_NOT_JSON = {"exportDeadLetters"}
"""Operations whose answer the client leaves as text: here JSON lines."""


@dataclass(frozen=True)
class Generated:
    """A generated client.

    Attributes:
        name: its package.
        client: knows the server and a key.
    """

    name: str
    client: Any

    def call(self, tag: str, operation: str, **given: Any) -> Any:
        """Call an operation; return its detailed response."""
        module = f"{self.name}.api.{_snake(tag)}.{_snake(operation)}"
        return importlib.import_module(module).sync_detailed(client=self.client, **given)

    def body(self, name: str, tree: dict[str, Any]) -> Any:
        """Return a body of a generated class."""
        return self.model(name).from_dict(tree)

    def model(self, name: str) -> Any:
        """Return a generated class."""
        return getattr(importlib.import_module(f"{self.name}.models"), name)


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])([A-Z])", r"_\1", name).replace(" ", "_").lower()


@pytest.fixture
def generated(
    api: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Generated]:
    """The client, generated from the document of the running server."""
    generator = tool("openapi-python-client")
    document = tmp_path / "openapi.json"
    document.write_text(api.client.get("/v1/openapi.json").text)
    name = "generated_client"
    command = [generator, "generate", "--path", str(document), "--meta", "none"]
    made = subprocess.run(
        [*command, "--output-path", str(tmp_path / name)],
        check=True,
        capture_output=True,
        text=True,
    )
    assert "Unable to parse" not in made.stdout + made.stderr
    monkeypatch.syspath_prepend(tmp_path)
    client_class = importlib.import_module(f"{name}.client").AuthenticatedClient
    token = api.write["authorization"].removeprefix("Bearer ")
    base = str(api.client.base_url)
    with client_class(base_url=base, token=token) as client:
        yield Generated(name, client)
    for each in [each for each in sys.modules if each.startswith(name)]:
        del sys.modules[each]


def event_of(api: Installation) -> dict[str, Any]:
    """Return an event of the workspace."""
    data = json.loads(example_json("testimonial.approved"))
    data["meta"]["workspace_id"] = api.workspace
    return {"type": "testimonial.approved", "source": "/generated", "data": data}


def orders(api: Installation, url: str, generated: Generated) -> Iterator[tuple[str, Any, int]]:
    """Yield the arguments of every operation, with the status of success."""
    made = generated.call(
        "endpoints",
        "createEndpoint",
        body=generated.body("EndpointBody", {"url": url, "signing": "both"}),
    )
    endpoint = made.parsed.id
    topic = api.services.retrier.names.event_topic(Entity.TESTIMONIALS)
    tried = attempt(workspace_id=api.workspace, endpoint_id=endpoint, origin_topic=topic)
    record(api, tried)
    delivery, one = {"delivery_id": tried["delivery_id"]}, {"endpoint_id": endpoint}
    body = generated.body
    job = {"dry_run": True, "params": {"kind": "retry", "endpoint_id": endpoint}}
    ordered = generated.call("jobs", "createJob", body=body("JobBody", job)).parsed.id
    cancelled = generated.call("jobs", "cancelJob", job_id=ordered)
    assert cancelled.parsed.id == ordered
    hook = {"target_url": url, "event": "testimonial.approved"}
    hooked = generated.call("automation tools", "subscribe", body=body("Subscription", hook))
    key = generated.call("keys", "createKey", body=body("KeyBody", {"name": "crm"})).parsed
    yield "publishEvents", {"body": body("EventIn", event_of(api))}, 202
    yield "publishEvents", {"body": [body("EventIn", event_of(api))]}, 202
    for name in ("listEndpoints", "listDeliveries", "countDeliveries", "showStats"):
        yield name, {}, 200
    for name in ("listAuditEntries", "listJobs", "showWorkspace", "listEventTypes", "listKeys"):
        yield name, {}, 200
    for name in ("showDelivery", "showSentRequest"):
        yield name, delivery, 200
    yield "retryDelivery", delivery, _REFUSED["retryDelivery"]
    yield "retryDeliveries", {"body": body("RetryBody", one)}, 202
    for name in ("listDeadLetters", "countDeadLetters", "exportDeadLetters"):
        yield name, {}, 200
    yield "showDeadLetter", delivery, _REFUSED["showDeadLetter"]
    choice = {"types": ["testimonial.approved"]}
    yield "previewEndpoint", {"body": body("ChoiceBody", choice)}, 200
    yield (
        "showScaling",
        {"lane": generated.model("ScaledLane")("deliveries")},
        _REFUSED["showScaling"],
    )
    yield "showJob", {"job_id": ordered}, 200
    yield "followJob", {"job_id": ordered}, 200
    yield "listSamples", {"event": "testimonial.approved"}, 200
    yield "showEventType", {"name": "testimonial.approved"}, 200
    target = {"notify_endpoint_id": endpoint}
    yield "changeWorkspace", {"body": body("WorkspaceBody", target)}, 200
    for name in ("showEndpoint", "showHealth", "showPublicKeys"):
        yield name, one, 200
    yield "changeEndpoint", {**one, "body": body("EndpointChange", {"name": "x"})}, 200
    yield "testEndpoint", {**one, "body": body("TestBody", {})}, 200
    yield "rotateSecret", {**one, "body": body("Rotation", {})}, 200
    yield "disableEndpoint", {**one, "body": body("Disabling", {})}, 200
    yield "enableEndpoint", one, 200
    yield "revokeKey", {"key_id": key.id}, 200
    yield "unsubscribe", {"hook_id": hooked.parsed.id}, 204
    yield "removeEndpoint", one, 204


def test_every_call_of_the_generated_client_works(
    api: Installation, topics: KafkaSettings, sink: Sink, generated: Generated
) -> None:
    assert apply(api.services.brokers, declared(topics, partitions=FEW)).ok
    tags = {
        each["operationId"]: each["tags"][0]
        for methods in api.app.openapi()["paths"].values()
        for each in methods.values()
    }
    called = {"createEndpoint", "createJob", "cancelJob", "subscribe", "createKey"}
    url = sink.on("generated", good)
    for name, given, status in orders(api, url, generated):
        answer = generated.call(tags[name], name, **given)
        assert answer.status_code == status, (name, answer.content)
        assert answer.parsed is not None or status == 204 or name in _NOT_JSON, name
        called.add(name)
    assert called == tags.keys()
