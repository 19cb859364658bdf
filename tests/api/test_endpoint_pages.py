"""Pages of `GET /v1/endpoints`."""

from __future__ import annotations

import pytest

from api.conftest import Installation
from api.test_api import create, refused

pytestmark = pytest.mark.broker


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
    refused(api.client.get("/v1/endpoints?cursor=x", headers=api.read), 422, "cursor")
