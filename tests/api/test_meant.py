"""The REST API does what callers meant, or says what it did not understand."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook

from api.conftest import Installation
from api.test_api import create, record, refused
from attempts import attempt, failed
from e2e.sink import Sink, good
from plaudit.events.examples import example_json
from plaudit.store.log.query import Query, State
from waiting import until

pytestmark = pytest.mark.broker


def test_a_test_send_is_an_event_that_the_endpoint_wants_and_is_marked(
    api: Installation, sink: Sink
) -> None:
    wanted = {"types": ["form.abandoned", "review.imported"], "spaces": [str(uuid.uuid4())]}
    made = create(
        api, url=sink.on("hook", good), filter={"field": "is_backfill", "exists": True}, **wanted
    ).json()
    sent = api.client.post(f"/v1/endpoints/{made['id']}/test", headers=api.write).json()
    assert (sent["succeeded"], sent["type"]) == (True, "review.imported"), "it passes the filter"
    [arrived] = sink.arrivals
    assert arrived.headers["plaudit-test"] == "true"
    assert "plaudit-replay" not in arrived.headers
    body = Webhook(made["secret"]).verify(arrived.body, arrived.headers)
    assert body["data"]["space_id"] == wanted["spaces"][0]
    sent_at = datetime.fromisoformat(body["timestamp"])
    assert abs((datetime.now(UTC) - sent_at).total_seconds()) < 60


@pytest.mark.parametrize("action", ["test", "rotate-secret", "disable", "enable"])
def test_an_action_works_without_a_body(api: Installation, sink: Sink, action: str) -> None:
    made = create(api, url=sink.on("hook", good)).json()
    answer = api.client.post(f"/v1/endpoints/{made['id']}/{action}", headers=api.write)
    assert answer.is_success, answer.text


@pytest.mark.parametrize(
    ("at", "field", "said"),
    [
        ("/v1/deliveries?endpoint=x&type=y", "endpoint", "did you mean endpoint_id?"),
        ("/v1/deliveries?limit=1&limit=2", "limit", "occurs twice"),
        ("/v1/endpoints?workspace=x", "workspace", "did you mean workspace_id?"),
        ("/v1/stats?endpoint=x", "endpoint", "did you mean endpoint_id?"),
        ("/v1/keys?x=1", "x", "known are workspace_id"),
        ("/v1/event-types?x=1", "x", "takes none"),
        ("/v1/hooks/samples?event=form.completed&form=flat", "form", "did you mean format?"),
    ],
)
def test_a_query_parameter_that_a_route_would_ignore_is_refused(
    api: Installation, at: str, field: str, said: str
) -> None:
    refused(api.client.get(at, headers=api.write), 422, field)
    assert said in api.client.get(at, headers=api.write).json()["detail"]


def test_publishing_accepts_no_query_parameters(api: Installation) -> None:
    refused(api.client.post("/v1/events?source=x", headers=api.write, json={}), 422, "source")


def test_a_bulk_retry_skips_delivered_ones(api: Installation) -> None:
    endpoint = str(uuid.uuid4())
    mine = {"workspace_id": api.workspace, "endpoint_id": endpoint}
    record(api, attempt(**mine), attempt(**mine), failed(**mine))
    known = Query(workspace_id=api.workspace, endpoint_id=endpoint)
    states = [each.state for each in api.services.retrier.matching(known).deliveries]
    assert states == [State.PENDING]
    delivered = replace(known, state=State.DELIVERED)
    assert len(api.services.retrier.matching(delivered).deliveries) == 2
    answer = api.client.post(
        "/v1/deliveries/retry", headers=api.write, json={"endpoint_id": endpoint}
    ).json()
    assert answer["retried"] + len(answer["refused"]) == 1


def test_an_event_for_a_missing_topic_is_not_worth_a_retry(api: Installation) -> None:
    topic = api.services.names.event_topics[0]
    assert api.services.brokers.remove([topic], api.services.names.prefix) == []
    until(lambda: topic not in api.services.brokers.topic_names(), "the brokers have deleted it")
    event = json.loads(example_json("testimonial.approved"))
    event["meta"]["workspace_id"] = api.workspace
    body = {"type": "testimonial.approved", "data": event}
    answer = api.client.post("/v1/events", headers=api.write, json=body)
    refused(answer, 500)
    assert answer.json()["code"] == "topic_missing"
    assert f"topic {topic} does not exist" in answer.json()["detail"]
    assert "retry-after" not in answer.headers


def test_deliveries_are_found_by_a_class_of_statuses(api: Installation) -> None:
    found = api.client.get("/v1/deliveries?status=5xx", headers=api.read)
    assert (found.status_code, found.json()["data"]) == (200, [])
    refused = api.client.get("/v1/deliveries?status=6xx", headers=api.read)
    assert (refused.status_code, refused.json()["field"]) == (422, "status")
    assert "503, or a class such as 5xx" in refused.json()["detail"]


def test_a_refused_number_is_repeated(api: Installation) -> None:
    refused = api.client.get("/v1/deliveries?limit=9000", headers=api.read)
    assert refused.json()["detail"] == "must be at most 500, not 9000"
    body = {"url": "https://hooks.example.com/", "rate_limit": 20_000}
    refused = api.client.post("/v1/endpoints", headers=api.write, json=body)
    assert (refused.status_code, refused.json()["field"]) == (422, "rate_limit")
    assert refused.json()["detail"].endswith("not 20000")


def test_an_overlap_may_be_written_as_on_the_command_line(api: Installation) -> None:
    body = {"url": "https://hooks.example.com/"}
    made = api.client.post("/v1/endpoints", headers=api.write, json=body).json()
    at = f"/v1/endpoints/{made['id']}/rotate-secret"
    assert api.client.post(at, headers=api.write, json={"overlap_s": "24h"}).is_success
    refused = api.client.post(at, headers=api.write, json={"overlap_s": "soon"})
    assert (refused.status_code, refused.json()["field"]) == (422, "overlap_s")
    assert "'soon' is not a duration such as 90s" in refused.json()["detail"]
