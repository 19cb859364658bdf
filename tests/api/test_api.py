"""The REST API: what it does for whom, and how it says no."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Iterator
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from httpx import Response
from prometheus_client import generate_latest
from standardwebhooks import Webhook
from starlette.routing import BaseRoute, Route

from api.conftest import Installation, served
from attempts import attempt, failed
from e2e.sink import Sink, always, good
from plaudit.api.app import create_app
from plaudit.events.entity import Entity
from plaudit.kafka.errors import KafkaUnavailable
from plaudit.records.attempt import decode_attempt, encode_attempt
from plaudit.store.log.health import apply_sums, sum_rows
from plaudit.store.log.writer import AttemptRows, insert_new

pytestmark = pytest.mark.broker

URL = "https://hooks.example.com/plaudit?token=x"
PROBLEM = "application/problem+json"


def create(api: Installation, **given: Any) -> Response:
    """Register an endpoint."""
    return api.client.post("/v1/endpoints", headers=api.write, json={"url": URL, **given})


def refused(response: Response, status: int, field: str | None = None) -> None:
    """Check that an answer is a problem document."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == PROBLEM
    problem = response.json()
    assert problem["status"] == status
    assert problem["detail"]
    assert problem.get("field") == field


def record(api: Installation, *attempts: Any) -> None:
    """Write attempts as the recorder does."""
    rows = AttemptRows("sqlite")
    made = [rows.row(decode_attempt(encode_attempt(each))) for each in attempts]
    with api.services.engine.begin() as connection:
        apply_sums(connection, sum_rows(insert_new(connection, made)))


def test_an_endpoint_is_made_shown_changed_and_removed(api: Installation) -> None:
    wanted = {"field": "testimonial.rating.value", "gt": 3}
    made = create(api, name="crm", types=["testimonial.approved"], filter=wanted)
    assert made.status_code in {201, 202}
    body = made.json()
    assert body["secret"].startswith("whsec_")
    at = made.headers["location"]
    shown = api.client.get(at, headers=api.read)
    assert shown.json()["secret"] is None
    assert (shown.json()["filter"], shown.json()["workspace_id"]) == (wanted, api.workspace)

    change = {"types": [], "rate_limit": 2.5}
    stale = {**api.write, "if-match": '"77"'}
    refused(api.client.patch(at, headers=stale, json=change), 412, "if-match")
    fresh = {**api.write, "if-match": shown.headers["etag"]}
    changed = api.client.patch(at, headers=fresh, json=change)
    assert (changed.json()["types"], changed.json()["rate_limit"]) == ([], 2.5)
    assert (changed.json()["name"], changed.json()["filter"]) == ("crm", wanted)
    refused(api.client.patch(at, headers=fresh, json=change), 412, "if-match")
    assert api.client.patch(at, headers=api.write, json={"filter": None}).json()["filter"] is None

    assert api.client.delete(at, headers=api.write).status_code == 204
    refused(api.client.get(at, headers=api.write), 404)


def test_headers_do_not_follow_a_url_to_another_host_unless_they_are_given_again(
    api: Installation,
) -> None:
    at = f"/v1/endpoints/{create(api, headers={'authorization': 'Bearer secret'}).json()['id']}"

    def changed(**change: Any) -> tuple[list[str], list[str]]:
        answer = api.client.patch(at, headers=api.write, json=change).json()
        return answer["headers"], answer["warnings"]

    assert changed(url="https://hooks.example.com/other")[0] == ["authorization"]
    assert changed(name="crm")[0] == ["authorization"]
    headers, warnings = changed(url="https://evil.example.com/")
    assert headers == []
    assert any("authorization is not sent there" in each for each in warnings)
    given = {"url": "https://new.example.com/", "headers": {"authorization": "Bearer known"}}
    assert changed(**given) == (["authorization"], [])


def test_disabling_enabling_and_rotating(api: Installation) -> None:
    made = create(api).json()
    at = f"/v1/endpoints/{made['id']}"
    off = api.client.post(f"{at}/disable", headers=api.write, json={"reason": "too slow"}).json()
    assert (off["status"], off["status_reason"]) == ("disabled", "too slow")
    on = api.client.post(f"{at}/enable", headers=api.write).json()
    assert on["status"] == "active"
    assert on["active_from"] > made["active_from"]
    assert f"from {off['updated_at']} to {on['active_from']}" in on["warnings"][0]
    assert f"plaudit endpoints enable {made['id']} --recover" in on["warnings"][0]
    assert api.client.get(at, headers=api.read).json()["warnings"] == []
    rotated = api.client.post(f"{at}/rotate-secret", headers=api.write, json={}).json()
    assert rotated["secret"] not in {None, made["secret"]}


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"url": "http://10.0.0.1/"}, "url"),
        ({"url": 3}, "url"),
        ({"types": ["testimonial.aproved"]}, "types"),
        ({"filter": {"field": "a", "like": 1}}, "filter.like"),
        ({"filter": {"field": "a", "gt": 2**70}}, "filter"),
        ({"headers": {"webhook-id": "1"}}, "headers"),
        ({"rate_limit": 0}, "rate_limit"),
        ({"name": "a\nb"}, "name"),
        ({"spaces": ["here"]}, "spaces.0"),
        ({"workspace_id": "here"}, "workspace_id"),
        ({"secrets": "x"}, "secrets"),
    ],
)
def test_an_impossible_value_is_refused_by_the_name_of_its_field(
    api: Installation, given: dict[str, Any], field: str
) -> None:
    refused(create(api, **given), 422, field)
    assert api.client.get("/v1/endpoints", headers=api.read).json() == []


def test_a_test_send_is_signed_and_answered_with_its_result(api: Installation, sink: Sink) -> None:
    made = create(api, url=sink.on("hook", good)).json()
    at = f"/v1/endpoints/{made['id']}/test"
    sent = api.client.post(at, headers=api.write, json={"type": "review.imported"}).json()
    assert (sent["succeeded"], sent["status"], sent["answer"]) == (True, 200, "ok")
    [arrived] = sink.arrivals
    body = Webhook(made["secret"]).verify(arrived.body, arrived.headers)
    assert (body["type"], body["data"]["workspace_id"]) == ("review.imported", api.workspace)
    refused(api.client.post(at, headers=api.write, json={"type": "no.such"}), 422, "type")
    broken = create(api, url=sink.on("broken", always(500))).json()
    at = f"/v1/endpoints/{broken['id']}/test"
    assert api.client.post(at, headers=api.write, json={}).json()["succeeded"] is False


def test_the_log_is_listed_in_pages_and_shown_with_its_attempts(api: Installation) -> None:
    endpoint, event = str(uuid.uuid4()), str(uuid.uuid4())
    mine = {"workspace_id": api.workspace, "endpoint_id": endpoint}
    first = failed(**mine, event_id=event, answer_headers={"retry-after": "5"})
    second = attempt(**mine, event_id=event, started_at=first["started_at"] + 1_000)
    record(api, first, second, attempt(**mine), attempt())
    page = api.client.get("/v1/deliveries?limit=1", headers=api.read).json()
    assert [each["event_id"] for each in page["data"]] == [event]
    rest = api.client.get(f"/v1/deliveries?cursor={page['cursor']}", headers=api.read).json()
    assert (len(rest["data"]), rest["cursor"]) == (1, None)
    shown = api.client.get(f"/v1/deliveries/{first['delivery_id']}", headers=api.read).json()
    assert [each["outcome"] for each in shown["attempts"]] == ["retrying", "delivered"]
    assert shown["attempts"][0]["answer_headers"] == {"retry-after": "5"}
    refused(api.client.get(f"/v1/deliveries/{first['delivery_id']}", headers=api.stranger), 404)
    refused(api.client.get("/v1/deliveries?cursor=x", headers=api.read), 422, "cursor")
    refused(api.client.get("/v1/deliveries?since=soon", headers=api.read), 422, "since")
    *_, hour = api.client.get("/v1/stats", headers=api.read).json()["data"]
    assert (hour["delivered"], hour["failed"], hour["success_rate"]) == (2, 1, 0.6667)


def test_an_attempt_shows_the_request_with_secret_headers_by_name_only(api: Installation) -> None:
    made = create(api, headers={"X-Token": "sesame"}).json()
    mine = {"workspace_id": api.workspace, "endpoint_id": made["id"]}
    now, before = attempt(**mine, endpoint_version=1), attempt(**mine, endpoint_version=7)
    record(api, now, before)
    shown = [
        api.client.get(f"/v1/deliveries/{each['delivery_id']}", headers=api.read)
        for each in (now, before)
    ]
    assert "sesame" not in shown[0].text
    headers = [each.json()["attempts"][0]["request_headers"] for each in shown]
    assert headers[0]["x-token"] == headers[0]["webhook-signature"] == "[redacted]"
    assert headers[0]["webhook-id"] == now["event_id"]
    assert "x-token" not in headers[1], "the endpoint was another one then"


def test_a_retry_of_an_expired_event_is_refused_with_the_reason(api: Installation) -> None:
    made = create(api).json()
    gone = attempt(
        workspace_id=api.workspace,
        endpoint_id=made["id"],
        origin_topic=api.services.retrier.names.event_topic(Entity.TESTIMONIALS),
    )
    record(api, gone)
    at = f"/v1/deliveries/{gone['delivery_id']}/retry"
    answer = api.client.post(at, headers=api.write)
    refused(answer, 409)
    assert answer.json()["code"] == "event_expired"
    refused(api.client.post("/v1/deliveries/retry", headers=api.write, json={}), 422)
    some = {"endpoint_id": made["id"], "state": "delivered"}
    done = api.client.post("/v1/deliveries/retry", headers=api.write, json=some).json()
    assert (done["retried"], [each["code"] for each in done["refused"]]) == (0, ["event_expired"])


def test_keys_make_keys_of_their_own_workspace_only(api: Installation) -> None:
    made = api.client.post("/v1/keys", headers=api.write, json={"name": "x", "scope": "read"})
    body = made.json()
    assert (made.status_code, body["workspace_id"]) == (201, api.workspace)
    bearer = {"authorization": f"Bearer {body['key']}"}
    assert api.client.get("/v1/endpoints", headers=bearer).status_code == 200
    admin = {"name": "x", "scope": "admin"}
    refused(api.client.post("/v1/keys", headers=api.write, json=admin), 403, "scope")
    other = {"name": "x", "workspace_id": str(uuid.uuid4())}
    refused(api.client.post("/v1/keys", headers=api.write, json=other), 403, "workspace_id")
    refused(api.client.delete(f"/v1/keys/{body['id']}", headers=api.stranger), 404)
    assert api.client.delete(f"/v1/keys/{body['id']}", headers=api.write).json()["revoked_at"]
    refused(api.client.get("/v1/endpoints", headers=bearer), 401)


def operations(api: Installation) -> list[tuple[str, str]]:
    """Return every route that wants a key, filled with an id that exists nowhere."""
    return [
        (method.upper(), re.sub(r"{\w+}", str(uuid.uuid4()), path).replace("{name}", "x"))
        for path, methods in api.app.openapi()["paths"].items()
        if path.startswith("/v1/")
        for method in methods
    ]


def test_every_answer_is_described_field_by_field(api: Installation) -> None:
    streams = {"/v1/jobs/{job_id}/events", "/v1/dead-letters/export"}
    described = 0
    for path, methods in api.app.openapi()["paths"].items():
        for method, operation in methods.items():
            for status, answer in operation["responses"].items():
                if not status.startswith("2") or status == "204" or path in streams:
                    continue
                schema = answer["content"]["application/json"]["schema"]
                schema = schema.get("items", schema)
                fields = {"$ref", "properties"}
                named = schema.get("additionalProperties") == {"type": "string"}
                assert named or fields & schema.keys(), (method, path, schema)
                described += 1
    assert described > 15


def served_by(routes: Iterable[BaseRoute]) -> Iterator[tuple[str, str]]:
    """Yield method and path of every route, included routers' too."""
    for route in routes:
        router = getattr(route, "original_router", None)
        if router is not None:
            yield from served_by(router.routes)
            continue
        assert isinstance(route, Route), f"{route!r} describes nothing"
        yield from ((each, route.path) for each in route.methods or () if each != "HEAD")


def test_no_route_is_left_out_of_the_description_but_those_of_operators(api: Installation) -> None:
    """So what walks over the description walks over every route."""
    served = set(served_by(api.app.routes))
    assert len(served) > 15
    described = {
        (method.upper(), path)
        for path, methods in api.app.openapi()["paths"].items()
        for method in methods
    }
    operators = {"/healthz", "/readyz", "/v1/openapi.json", "/docs", "/docs/{digest}/{name}"}
    assert served - described == {("GET", path) for path in operators}
    assert described <= served


def test_a_key_that_calls_too_often_is_refused_by_429_with_retry_after(
    api: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("plaudit.api.rate_limits.RateLimits.wait_s", lambda *_: 7)
    for method, path in operations(api):
        answer = api.client.request(method, path, headers=api.write, json={})
        refused(answer, 429)
        assert answer.headers["retry-after"] == "7", (method, path)


def test_every_route_requires_a_key_and_checks_its_scope(api: Installation) -> None:
    made = create(api).json()
    listed = operations(api)
    assert len(listed) > 15
    wrong = {"authorization": "Bearer plk_" + "x" * 43}
    for method, path in listed:
        for headers in ({}, wrong, {"authorization": "Basic eDp4"}):
            refused(api.client.request(method, path, headers=headers), 401)
        if method != "GET" and not path.endswith("/preview"):
            refused(api.client.request(method, path, headers=api.read, json={}), 403)
    for method, path in listed:
        if "/endpoints/" in path and not path.endswith("/preview"):
            mine = re.sub(r"(?<=/endpoints/)[0-9a-f-]{36}", made["id"], path)
            refused(api.client.request(method, mine, headers=api.stranger, json={}), 404)
            elsewhere = f"/v1/endpoints?workspace_id={api.workspace}"
            refused(api.client.get(elsewhere, headers=api.stranger), 403, "workspace_id")
    for path in ("/v1/deliveries", "/v1/keys", "/v1/stats"):
        at = f"{path}?workspace_id={api.workspace}"
        refused(api.client.get(at, headers=api.stranger), 403, "workspace_id")
    assert api.client.get("/v1/endpoints", headers=api.stranger).json() == []
    assert len(api.client.get("/v1/endpoints", headers=api.admin).json()) == 1


def test_no_route_shows_or_changes_objects_of_another_workspace(api: Installation) -> None:
    made = create(api, name="crm-of-theirs").json()
    tried = attempt(workspace_id=api.workspace, endpoint_id=made["id"])
    record(api, tried)
    [key, *_] = api.client.get("/v1/keys", headers=api.write).json()
    theirs = {
        "endpoint_id": made["id"],
        "hook_id": made["id"],
        "delivery_id": tried["delivery_id"],
        "key_id": key["id"],
        "job_id": made["id"],
        "name": "testimonial.approved",
    }
    told = {made["id"], tried["delivery_id"], key["id"], api.workspace, "crm-of-theirs"}
    walked = 0
    for path, methods in api.app.openapi()["paths"].items():
        for method in methods:
            filled = re.sub(r"{(\w+)}", lambda found: theirs[found[1]], path)
            for query in ("", f"?workspace_id={api.workspace}"):
                answer = api.client.request(
                    method.upper(), filled + query, headers=api.stranger, json={"name": "x"}
                )
                assert answer.status_code < 500, (method, filled, answer.text)
                if "{" in path and "{name}" not in path:
                    assert answer.status_code in {404, 422}, (method, filled, answer.text)
                leaked = {each for each in told if each in answer.text} - {theirs["name"]}
                # What was asked for may be repeated in a refusal.
                assert answer.status_code >= 400 or not leaked, (method, filled, answer.text)
                walked += 1
    assert walked > 40
    assert [each["id"] for each in api.client.get("/v1/endpoints", headers=api.read).json()] == [
        made["id"]
    ]
    refused(api.client.get("/v1/keys", headers=api.read), 403)
    assert api.client.get("/v1/keys", headers=api.write).json()[0]["revoked_at"] is None


def test_readiness_requires_the_topics_and_the_database(
    api: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What was found is told for a second.
    monkeypatch.setattr("plaudit.api.readiness.FRESH_S", 0)
    assert api.client.get("/readyz").json() == {"ok": True, "problems": []}

    def away(_: object) -> list[str]:
        raise KafkaUnavailable("list topics", "nobody answers")

    with monkeypatch.context() as broken:
        broken.setattr("plaudit.kafka.admin.client.Admin.topic_names", away)
        answer = api.client.get("/readyz")
    assert (answer.status_code, answer.json()["ok"]) == (503, False)
    assert "nobody answers" in answer.json()["problems"][0]
    with monkeypatch.context() as broken:
        broken.setattr("plaudit.kafka.admin.client.Admin.topic_names", lambda _: [])
        assert "missing topics" in api.client.get("/readyz").json()["problems"][0]
    with api.services.engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '0001'"))
    assert "plaudit db migrate" in api.client.get("/readyz").json()["problems"][0]


def test_a_key_that_only_reads_sees_no_token_in_a_url(api: Installation) -> None:
    at = create(api).headers["location"]
    shown = [api.client.get(at, headers=api.read).json()]
    shown += api.client.get("/v1/endpoints", headers=api.read).json()
    assert [each["url"] for each in shown] == ["https://hooks.example.com/***"] * 2
    assert api.client.get(at, headers=api.write).json()["url"] == URL


def test_no_answer_leads_to_where_the_host_header_says(api: Installation) -> None:
    headers = {**api.write, "host": "evil.example"}
    answer = api.client.get("/v1/endpoints/", headers=headers)
    assert (answer.status_code, "location" in answer.headers) == (404, False)


def test_health_needs_no_key_and_metrics_have_another_port(api: Installation) -> None:
    create(api)
    assert api.client.get("/healthz").json()["ok"]
    assert api.client.get("/readyz").json()["ok"]
    api.client.post("/v1/events", headers=api.write, json={})
    for path in ("/healthz", "/readyz"):
        assert api.client.head(path).status_code == 200
    assert api.client.get("/metrics").status_code == 404, "they have a port of their own"
    metrics = generate_latest(api.metrics).decode()
    assert 'route="/v1/endpoints"' in metrics
    assert 'route="/v1/events"' in metrics


def test_metrics_are_served_beside_the_api_where_an_operator_wants_them(api: Installation) -> None:
    with served(create_app(api.services, shows_metrics=True)) as base:
        assert httpx.get(f"{base}/healthz").status_code == 200
        found = httpx.get(f"{base}/metrics")
        assert httpx.head(f"{base}/metrics").status_code == 200
    assert 'plaudit_api_request_duration_seconds_count{method="GET",route="/healthz"' in found.text
