"""`Idempotency-Key`: sent again is answered again, and not done again."""

from __future__ import annotations

import threading
from typing import Any

import orjson
import pytest
from httpx import Response

from api.conftest import Installation
from api.test_api import URL, refused
from plaudit.events.examples import example_json
from plaudit.store.db.database import DatabaseFailure

pytestmark = pytest.mark.broker

HEADER = "idempotency-key"
DATA = orjson.loads(example_json("testimonial.approved"))
del DATA["meta"]["event_id"]


def create(
    api: Installation, key: str, who: dict[str, str] | None = None, **given: Any
) -> Response:
    """Register an endpoint under a key."""
    headers = {**(who or api.write), HEADER: key}
    return api.client.post("/v1/endpoints", headers=headers, json={"url": URL, **given})


def count(api: Installation, who: dict[str, str] | None = None) -> int:
    """Return how many endpoints there are."""
    return len(api.client.get("/v1/endpoints", headers=who or api.write).json())


def made_of(answer: Response) -> dict[str, Any]:
    """Return what an answer says was made."""
    said: dict[str, Any] = answer.json()
    return {name: said[name] for name in ("id", "ids", "secret", "key", "version") if name in said}


def test_the_same_request_is_done_once_and_answered_alike(api: Installation) -> None:
    first, second = create(api, '"k-1"'), create(api, "k-1")
    assert first.status_code in {201, 202}
    assert (second.status_code, second.json()) == (first.status_code, first.json())
    assert second.json()["secret"]
    for name in ("location", "etag", "content-type"):
        assert second.headers[name] == first.headers[name]
    assert second.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert count(api) == 1


def test_another_request_under_a_key_is_refused(api: Installation) -> None:
    create(api, "k")
    refused(create(api, "k", name="other"), 422, HEADER)
    elsewhere = api.client.post("/v1/keys", headers={**api.write, HEADER: "k"}, json={"name": "x"})
    refused(elsewhere, 422, HEADER)
    assert count(api) == 1


def test_a_key_belongs_to_an_api_key(api: Installation) -> None:
    mine, theirs = create(api, "k").json(), create(api, "k", api.stranger).json()
    assert mine["id"] != theirs["id"]
    wrong = {"authorization": "Bearer plk_" + "x" * 43}
    refused(create(api, "k", wrong), 401)
    refused(create(api, "k", api.read), 403)


def test_a_refused_request_may_be_corrected_with_the_same_key(api: Installation) -> None:
    refused(create(api, "k", types=["no.such"]), 422, "types")
    assert create(api, "k").status_code in {201, 202}
    assert count(api) == 1


@pytest.mark.parametrize("key", ["", '""', "x" * 256, "a\tb"])
def test_an_impossible_key_is_refused(api: Installation, key: str) -> None:
    refused(create(api, key), 400, HEADER)


def test_a_repeated_request_is_refused_while_the_first_one_runs(
    api: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside, go_on = threading.Event(), threading.Event()
    real = api.services.endpoints.add

    def slow(*given: Any) -> Any:
        inside.set()
        go_on.wait(30)
        return real(*given)

    monkeypatch.setattr(
        "plaudit.store.endpoints.service.EndpointService.add", lambda _, *given: slow(*given)
    )
    answers: list[Response] = []
    first = threading.Thread(target=lambda: answers.append(create(api, "k")))
    first.start()
    assert inside.wait(30)
    refused(create(api, "k"), 409, HEADER)
    go_on.set()
    first.join(30)
    assert answers[0].status_code in {201, 202}
    assert create(api, "k").json() == answers[0].json()


def test_a_defect_frees_the_key(api: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> Any:
        raise DatabaseFailure("away")

    with monkeypatch.context() as broken:
        broken.setattr("plaudit.store.endpoints.service.EndpointService.add", away)
        refused(create(api, "k"), 503)
    assert create(api, "k").status_code in {201, 202}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/endpoints", {"url": URL, "name": "crm"}),
        ("/v1/hooks", {"target_url": URL, "event": "review.imported"}),
        ("/v1/keys", {"name": "ci", "scope": "read"}),
        ("/v1/endpoints/{id}/rotate-secret", {}),
        ("/v1/endpoints/{id}/enable", None),
        ("/v1/endpoints/{id}/disable", {"reason": "too slow"}),
        ("/v1/endpoints/{id}/test", {"type": "testimonial.approved"}),
        ("/v1/events", {"type": "testimonial.approved", "data": DATA}),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_a_request_whose_response_was_not_stored_takes_effect_once(
    api: Installation, monkeypatch: pytest.MonkeyPatch, path: str, body: dict[str, Any] | None
) -> None:
    """As after a kill between the change and the answer."""
    headers = {**api.admin, HEADER: "k"} if path == "/v1/events" else {**api.write, HEADER: "k"}
    known = create(api, "another").json()
    at = path.format(id=known["id"])

    def lost(*_: object) -> None:
        raise DatabaseFailure("away")

    with monkeypatch.context() as broken:
        broken.setattr("plaudit.store.access.idempotency_store.IdempotencyStore.keep", lost)
        first = api.client.post(at, headers=headers, json=body)
    again = api.client.post(at, headers=headers, json=body)
    for each in (first, again):
        # 202, and a later `active_from`, where the brokers took their time.
        assert each.status_code in {200, 201, 202}, each.text
    assert made_of(again) == made_of(first)
    assert "idempotent-replayed" not in again.headers
    assert count(api) == (2 if path in {"/v1/endpoints", "/v1/hooks"} else 1)
    kept = api.client.post(at, headers=headers, json=body)
    assert kept.headers["idempotent-replayed"] == "true"
    assert kept.json() == again.json()


def test_events_may_bring_a_key_too(api: Installation) -> None:
    headers = {**api.write, HEADER: "k", "content-type": "application/json"}
    answers = [api.client.post("/v1/events", headers=headers, content=b"{}") for _ in range(2)]
    assert [each.status_code for each in answers] == [422, 422]
