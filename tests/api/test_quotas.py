"""Quotas of a workspace: what it has, and the work that it asks for."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest

from api.conftest import Installation, served
from e2e.sink import Sink, good
from plaudit.api import test_sends as trying
from plaudit.api.app import create_app
from plaudit.api.quotas import Quotas
from plaudit.api.rate_limits import MINUTE_S, RateLimits
from plaudit.api.readiness import Readiness
from plaudit.api.settings import ApiSettings
from plaudit.deliver.http_client import make_context
from plaudit.deliver.settings import HttpSettings
from plaudit.events.examples import example_json

URL = "https://hooks.example.com/plaudit"
FILTER = {"field": "testimonial.rating.value", "gt": 3}


@contextmanager
def limited(api: Installation, **given: Any) -> Iterator[httpx.Client]:
    """Serve an installation with other limits; yields V's client."""
    settings = ApiSettings.model_validate(given)
    services = replace(api.services, quotas=Quotas.of(api.services.engine, settings))
    with (
        served(create_app(services)) as base,
        httpx.Client(base_url=base, headers=api.write, timeout=30) as client,
    ):
        yield client


def refused(answer: httpx.Response, status: int, code: str, *told: str) -> None:
    """Check that an answer names the limit, its value and its setting."""
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code), problem
    assert all(each in problem["detail"] for each in told), problem
    assert ("retry-after" in answer.headers) == (status == 429)


@pytest.mark.broker
def test_endpoints_filters_and_keys_of_a_workspace_are_limited(api: Installation) -> None:
    over = "quota_exceeded"
    given = {
        "api_max_endpoints": 3, "api_max_filters": 2, "api_max_filter_characters": 100,
        "api_max_keys": 3,
    }  # fmt: skip
    with limited(api, **given) as client:
        at = client.post("/v1/endpoints", json={"url": URL, "filter": FILTER}).headers["location"]
        long = {"any": [FILTER] * 3}
        answer = client.post("/v1/endpoints", json={"url": URL, "filter": long})
        refused(answer, 403, over, "100 characters", "PLAUDIT_API_MAX_FILTER_CHARACTERS")
        refused(client.patch(at, json={"filter": long}), 403, over, "100 characters")
        assert client.patch(at, json={"filter": FILTER, "name": "x"}).status_code in {200, 202}
        key = {"idempotency-key": "one"}
        again = [client.post("/v1/endpoints", json={"url": URL}, headers=key) for _ in range(2)]
        assert again[0].json() == again[1].json()
        assert client.post("/v1/endpoints", json={"url": URL}).status_code in {201, 202}
        for path, body in (
            ("/v1/endpoints", {"url": URL}),
            ("/v1/hooks", {"target_url": URL, "event": "testimonial.approved"}),
        ):
            answer = client.post(path, json=body)
            refused(answer, 403, over, "3 endpoints", "PLAUDIT_API_MAX_ENDPOINTS")
        second = client.get("/v1/endpoints").json()[1]["id"]
        answer = client.patch(f"/v1/endpoints/{second}", json={"filter": FILTER})
        assert answer.status_code in {200, 202}, answer.text
        third = client.get("/v1/endpoints").json()[2]["id"]
        answer = client.patch(f"/v1/endpoints/{third}", json={"filter": {}})
        assert answer.status_code in {403, 422}
        # The workspace has two keys already.
        made = client.post("/v1/keys", json={"name": "third"}).json()["id"]
        client.delete(f"/v1/keys/{made}")
        answer = client.post("/v1/keys", json={"name": "fourth"})
        refused(answer, 403, over, "3 API keys", "PLAUDIT_API_MAX_KEYS")
        stranger = client.post("/v1/endpoints", json={"url": URL}, headers=api.stranger)
        assert stranger.status_code in {201, 202}, "another workspace has its own"


@pytest.mark.broker
def test_a_workspace_has_a_quota_for_host_names(api: Installation) -> None:
    over = ("quota_exceeded", "2 host names", "PLAUDIT_API_MAX_NAMES")
    with limited(api, api_max_names=2) as client:

        def add(url: str) -> httpx.Response:
            return client.post("/v1/endpoints", json={"url": url})

        known = [add(f"https://{name}.example/") for name in ("one", "two", "one")]
        assert {each.status_code for each in known} <= {201, 202}
        refused(add("https://three.example/"), 403, *over)
        hook = {"target_url": "https://three.example/", "event": "testimonial.approved"}
        refused(client.post("/v1/hooks", json=hook), 403, *over)
        at = known[1].headers["location"]
        first = known[0].headers["location"]
        refused(client.patch(first, json={"url": "https://x.example"}), 403, *over)
        moved = client.patch(at, json={"url": "https://three.example/"})
        assert moved.status_code in {200, 202}, "it has no other name then"
        assert add("https://THREE.example:8443/").status_code in {201, 202}
        assert add("https://93.184.216.34/").status_code in {201, 202}, "it is not looked up"


@pytest.mark.broker
def test_a_workspace_has_quotas_for_its_requests(api: Installation, sink: Sink) -> None:
    over = "rate_limited"
    given = {"api_event_rate": 1, "api_tests_per_minute": 2, "api_retries_per_minute": 1}
    with limited(api, **given) as client:
        made = client.post("/v1/endpoints", json={"url": sink.on("hook", good)})
        path = f"{made.headers['location']}/test"
        assert [client.post(path, json={}).status_code for _ in range(2)] == [200, 200]
        answer = client.post(path, json={})
        refused(answer, 429, over, "2 test sends a minute", "PLAUDIT_API_TESTS_PER_MINUTE")
        answer = client.post(path, json={}, headers=api.admin)
        refused(answer, 429, over, "2 test sends a minute in a workspace")
        body = {"endpoint_id": made.json()["id"]}
        assert client.post("/v1/deliveries/retry", json=body).status_code == 202
        answer = client.post("/v1/deliveries/retry", json=body)
        refused(answer, 429, over, "1 retries a minute", "PLAUDIT_API_RETRIES_PER_MINUTE")
        event = {"type": "testimonial.approved", "data": with_workspace(api.workspace)}
        assert client.post("/v1/events", json=[event] * 3).status_code == 202
        answer = client.post("/v1/events", json=event)
        refused(answer, 429, over, "1 events a second", "PLAUDIT_API_EVENT_RATE")


@pytest.mark.broker
def test_events_that_are_refused_count_and_so_do_their_bytes(api: Installation) -> None:
    event = {"type": "testimonial.approved", "data": with_workspace(api.workspace)}
    wrong = {"type": "testimonial.approved", "data": {}}
    for batch, status in (([event] * 9 + [wrong], 422), (["x" * 80_000], 422)):
        with limited(api, api_event_rate=1) as client:
            assert client.post("/v1/events", json=batch).status_code == status
            answer = client.post("/v1/events", json=event)
            refused(answer, 429, "rate_limited")
            assert int(answer.headers["retry-after"]) >= 7


def test_a_workspace_that_continues_after_refusals_is_refused_twenty_times_a_second() -> None:
    now = 100.0
    limits = RateLimits(1, lambda: now)
    assert not any(limits.refusal_delay_s("a") for _ in range(20)), "a client that stops in time"
    delays = [limits.refusal_delay_s("a") for _ in range(64)]
    assert delays == pytest.approx([number / 20 for number in range(1, 65)])
    assert limits.refusal_delay_s("a") == 0, "no more are held"
    assert limits.refusal_delay_s("v") == 0
    now += 10
    assert limits.refusal_delay_s("a") == 0


def with_workspace(workspace: str) -> dict[str, Any]:
    """Return an event of a workspace."""
    data: dict[str, Any] = httpx.Response(200, text=example_json("testimonial.approved")).json()
    data["meta"]["workspace_id"] = workspace
    return data


@pytest.mark.broker
def test_json_that_is_nested_too_deep_is_refused(api: Installation) -> None:
    deep = b'{"url": "x", "filter": ' + b'{"not":' * 200 + b"{}" + b"}" * 201
    kind = {"content-type": "application/json", **api.write}
    answer = api.client.post("/v1/endpoints", content=deep, headers=kind)
    assert (answer.status_code, "64 levels" in answer.json()["detail"]) == (400, True)
    data = b"[" * 400 + b"]" * 400
    event = b'{"type": "testimonial.approved", "data": {"meta": ' + data + b"}}"
    assert api.client.post("/v1/events", content=event, headers=kind).status_code == 422


def test_a_cost_over_the_balance_is_paid_later() -> None:
    now = 0.0
    limits = RateLimits(1, lambda: now, burst_s=MINUTE_S)
    assert limits.wait_s("a", 100) == 0
    assert limits.wait_s("a") == 41
    now = 41.0
    assert limits.wait_s("a") == 0
    limits.charge("b", 60)
    assert limits.wait_s("b") == 1


async def test_readiness_is_checked_once_a_second_for_any_number_of_requests() -> None:
    now, asked = 0.0, 0

    def ask() -> list[str]:
        nonlocal asked
        asked += 1
        return [f"problem {asked}"]

    readiness = Readiness(ask, lambda: now)
    found = await asyncio.gather(*(readiness.problems() for _ in range(100)))
    assert found == [["problem 1"]] * 100
    now = 0.9
    assert await readiness.problems() == ["problem 1"]
    now = 1.1
    assert await readiness.problems() == ["problem 2"]


async def test_test_sends_share_one_client(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[HttpSettings] = []

    def context(settings: HttpSettings) -> ssl.SSLContext:
        made.append(settings)
        return make_context(settings)

    monkeypatch.setattr("plaudit.api.test_sends.make_context", context)
    shared = trying.SharedSender(HttpSettings())
    senders = await asyncio.gather(*(shared.sender() for _ in range(20)))
    assert (len(made), len({id(each) for each in senders})) == (1, 1)
    await shared.aclose()
