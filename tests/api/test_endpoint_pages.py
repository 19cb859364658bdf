"""Pages of `GET /v1/endpoints`."""

from __future__ import annotations

import os
import re
from uuid import uuid4

import pytest

from api.conftest import Installation
from api.test_api import create, refused
from plaudit.endpoints.keys import SecretKeys
from plaudit.endpoints.signing import new_secret
from plaudit.records.times import wall_ms
from plaudit.store.endpoints import rows
from plaudit.store.endpoints.spec import EndpointSpec
from plaudit.store.endpoints.transitions import new_endpoint

pytestmark = pytest.mark.broker

LIST = "/v1/endpoints"


def test_endpoints_are_listed_in_pages_that_link_the_next_one(api: Installation) -> None:
    made = [create(api, name=f"n{number}").json()["id"] for number in range(5)]
    url, found = "/v1/endpoints?limit=2", list[str]()
    while url:
        page = api.client.get(url, headers=api.read)
        assert len(page.json()) <= 2
        found += [each["id"] for each in page.json()]
        url = page.links.get("next", {}).get("url", "")
    assert found == [
        each["id"] for each in api.client.get("/v1/endpoints", headers=api.read).json()
    ]
    assert sorted(found) == sorted(made)
    wrong = api.client.get("/v1/endpoints?cursor=x", headers=api.read)
    refused(wrong, 422, "cursor")
    assert wrong.json()["detail"] == "not a cursor: take it from the `Link` of the previous page"


def test_a_list_without_a_limit_is_a_page_of_a_thousand(api: Installation) -> None:
    secret, asked = new_secret(), EndpointSpec("https://example.com/")
    made = [
        new_endpoint(SecretKeys([os.urandom(32)]), asked, api.workspace, str(uuid4()), secret, 1)
        for _ in range(1_001)
    ]
    with api.services.engine.begin() as connection:
        rows.insert_all(connection, made)
    first = api.client.get(LIST, headers=api.read)
    rest = api.client.get(first.links["next"]["url"], headers=api.read)
    assert (len(first.json()), len(rest.json())) == (1_000, 1)
    assert "next" not in rest.links


def test_an_endpoint_that_cannot_be_decrypted_does_not_spoil_the_list(api: Installation) -> None:
    good = create(api, name="good").json()["id"]
    other = SecretKeys([os.urandom(32)])
    asked = EndpointSpec("https://bad.example.com/", name="bad")
    bad = new_endpoint(other, asked, api.workspace, str(uuid4()), new_secret(), wall_ms())
    with api.services.engine.begin() as connection:
        rows.insert_all(connection, [bad])
    listed = {each["id"]: each for each in api.client.get(LIST, headers=api.read).json()}
    assert listed.keys() == {good, bad.endpoint_id}
    assert (listed[good]["url"] is None, listed[bad.endpoint_id]["url"]) == (False, None)
    assert "can't decrypt" in listed[bad.endpoint_id]["warnings"][0]
    refused(api.client.get(f"{LIST}/{bad.endpoint_id}", headers=api.read), 500)


@pytest.mark.parametrize(
    ("method", "path", "body", "field", "said"),
    [
        ("POST", LIST, "x", "body", "not JSON: Expecting value"),
        ("GET", "/v1/dead-letters?reason=foo", None, "reason", "'foo' is not a reason"),
        ("GET", "/v1/hooks/samples?event=foo", None, "type", "see /v1/event-types"),
        ("GET", "/v1/deliveries?reason=FOO", None, "reason", "not in the form"),
        ("GET", "/v1/deliveries?since=yesterday", None, "since", "'yesterday' is not a time"),
    ],
)
def test_a_refusal_speaks_of_fields_and_routes_and_not_of_options_and_commands(
    method: str, path: str, body: str | None, field: str, said: str, api: Installation
) -> None:
    headers = {**api.write, "content-type": "application/json"}
    answer = api.client.request(method, path, headers=headers, content=body)
    refused(answer, 422, field)
    detail = answer.json()["detail"]
    assert detail.startswith(said) or said in detail
    assert not {"--", "`plaudit", "'^"} & set(re.findall(r"--|`plaudit|'\^", detail))
