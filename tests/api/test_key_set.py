"""The public keys of an endpoint over the API."""

from __future__ import annotations

import base64

import pytest

from api.conftest import Installation

pytestmark = pytest.mark.broker


def test_public_keys_need_no_api_key_and_rotate_with_overlap(api: Installation) -> None:
    body = {"url": "https://hooks.example.com/", "signing": "v1a"}
    made = api.client.post("/v1/endpoints", headers=api.write, json=body).json()
    assert (made["signing"], made["secret"]) == ("v1a", None)
    address = f"/.well-known/webhook-keys/{made['id']}"
    answer = api.client.get(address)
    [key] = answer.json()["keys"]
    assert (answer.status_code, key["public_key"]) == (200, made["public_key"])
    assert (key["kty"], key["crv"], key["expires_at"]) == ("OKP", "Ed25519", None)
    x = base64.urlsafe_b64decode(key["x"] + "=")
    assert "whpk_" + base64.b64encode(x).decode() == key["public_key"]
    assert "max-age=300" in answer.headers["cache-control"]
    at = f"/v1/endpoints/{made['id']}"
    new = api.client.post(f"{at}/rotate-secret", headers=api.write, json={}).json()
    keys = api.client.get(address).json()["keys"]
    assert [each["public_key"] for each in keys] == [new["public_key"], made["public_key"]]
    assert keys[1]["expires_at"] is not None
    both = api.client.patch(at, headers=api.write, json={"signing": "both"}).json()
    assert (both["signing"], both["public_key"]) == ("both", new["public_key"])
    api.client.patch(at, headers=api.write, json={"signing": "v1"})
    refused = api.client.get(address)
    assert (refused.status_code, refused.headers["content-type"]) == (
        404,
        "application/problem+json",
    )
    wrong = api.client.patch(at, headers=api.write, json={"signing": "v2"})
    assert (wrong.status_code, wrong.json()["field"]) == (422, "signing")


def test_every_other_route_requires_a_key(api: Installation) -> None:
    paths = api.app.openapi()["paths"]
    open_to_all = [path for path in paths if not path.startswith("/v1/")]
    assert open_to_all == ["/.well-known/webhook-keys/{endpoint_id}"]
