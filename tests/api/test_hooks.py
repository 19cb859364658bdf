"""Routes for automation tools, and notices of endpoints that fail."""

from __future__ import annotations

import json
from typing import Any

import pytest

from api.conftest import Installation
from api.test_api import record, refused
from attempts import attempt, failed
from e2e.sink import Sink, good
from plaudit.formats.catalogue import FORMATS
from plaudit.store.endpoints.spec import EndpointSpec
from plaudit.store.endpoints.warnings import warnings_for

pytestmark = pytest.mark.broker


def subscribe(api: Installation, url: str, **given: Any) -> dict[str, Any]:
    """Subscribe as Zapier does, with more in the body than is asked for."""
    body = {"target_url": url, "event": "testimonial.approved", "zap": "1", **given}
    made = api.client.post("/v1/hooks", headers=api.write, json=body)
    assert made.status_code == 201, made.text
    return dict(made.json())


@pytest.mark.parametrize("form", FORMATS)
def test_a_sample_has_the_shape_of_a_real_payload(api: Installation, sink: Sink, form: str) -> None:
    made = subscribe(api, sink.on("zap", good), format=form)
    asked = {"event": "testimonial.approved", "format": form}
    [sample] = api.client.get("/v1/hooks/samples", headers=api.read, params=asked).json()
    at = f"/v1/endpoints/{made['id']}/test"
    api.client.post(at, headers=api.write, json={"type": "testimonial.approved"})
    [arrived] = sink.arrivals
    assert list(json.loads(arrived.body)) == list(sample)


def test_a_subscription_is_an_endpoint_until_it_is_deleted(api: Installation) -> None:
    made = subscribe(api, "https://hooks.zapier.com/hooks/standard/1/abc/")
    assert (made["types"], made["format"]) == (["testimonial.approved"], "flat")
    assert made["warnings"] == [], "it has a rate limit that Zapier takes"
    at = f"/v1/hooks/{made['id']}"
    refused(api.client.delete(at, headers=api.stranger), 404)
    assert api.client.delete(at, headers=api.write).status_code == 204
    refused(api.client.delete(at, headers=api.write), 404)
    bad = {"target_url": "https://x.example/", "event": "no.such"}
    refused(api.client.post("/v1/hooks", headers=api.write, json=bad), 422, "types")
    wrong = {"event": "testimonial.approved", "format": "xml"}
    refused(api.client.get("/v1/hooks/samples", headers=api.read, params=wrong), 422, "format")


@pytest.mark.parametrize(
    ("url", "form", "said"),
    [
        ("https://flows.example/webhook-test/1", "standard", "n8n's test URL"),
        ("https://n8n.example/webhook/1", "cloudevents-structured", "body"),
        ("https://hook.eu2.make.com/abc", "standard", "300 requests in 10 s"),
        ("https://hooks.zapier.com/hooks/catch/1/2/", "standard", "30 requests a second"),
        ("https://hooks.slack.com/services/T/B/x", "standard", "format slack"),
        ("https://hooks.example.com/plaudit", "standard", None),
        ("https://n8n.example/webhook/1", "standard", None),
        ("https://hooks.slack.com/services/T/B/x", "slack", None),
    ],
)
def test_settings_that_are_unlikely_to_work_return_warnings_with_advice(
    url: str, form: str, said: str | None
) -> None:
    told = warnings_for(EndpointSpec(url, format=form))
    assert not told if said is None else any(said in line for line in told)


def test_registering_an_endpoint_answers_with_its_warnings(api: Installation) -> None:
    body = {"url": "https://n8n.example/webhook-test/1"}
    made = api.client.post("/v1/endpoints", headers=api.write, json=body).json()
    assert "n8n's test URL" in made["warnings"][0]


def test_a_workspace_chooses_the_endpoint_that_receives_notices(api: Installation) -> None:
    def put(target: str | None, headers: dict[str, str]) -> Any:
        body = {"notify_endpoint_id": target}
        return api.client.put("/v1/workspace", headers=headers, json=body)

    made = subscribe(api, "https://x.example/")
    types = ["endpoint.disabled"]
    nobody = {"id": api.workspace, "notify_endpoint_id": None, "notify_types": types}
    assert api.client.get("/v1/workspace", headers=api.read).json() == nobody
    told = {**nobody, "notify_endpoint_id": made["id"]}
    assert put(made["id"], api.write).json() == told
    assert api.client.get("/v1/workspace", headers=api.read).json() == told
    refused(put(made["id"], api.stranger), 422, "notify_endpoint_id")
    refused(put(made["id"], api.admin), 422, "workspace_id")
    refused(api.client.get("/v1/workspace", headers=api.admin), 422, "workspace_id")
    assert put(None, api.write).json() == nobody


def test_the_health_of_an_endpoint_comes_from_the_log(api: Installation) -> None:
    made = subscribe(api, "https://x.example/")
    mine = {"workspace_id": api.workspace, "endpoint_id": made["id"]}
    first = attempt(**mine)
    later = first["started_at"] + 1_000
    record(api, first, failed(**mine, started_at=later), attempt())
    at = f"/v1/endpoints/{made['id']}/health"
    doing = api.client.get(at, headers=api.read).json()
    assert (doing["delivered"], doing["failed"], doing["success_rate"]) == (1, 1, 0.5)
    assert (doing["failure_streak"], doing["last_status"], doing["p50_ms"]) == (1, 503, 5)
    assert doing["failing_since"] == doing["last_failure_at"] > doing["last_success_at"]
    refused(api.client.get(at, headers=api.stranger), 404)
    fresh = subscribe(api, "https://y.example/")["id"]
    idle = api.client.get(f"/v1/endpoints/{fresh}/health", headers=api.read).json()
    assert (idle["success_rate"], idle["last_attempt_at"]) == (None, None)
