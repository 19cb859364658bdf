"""Signatures, checked by the official libraries of Standard Webhooks and Svix."""

from __future__ import annotations

import base64
import hmac
import json
import time

import pytest
import svix
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from plaudit.endpoints.signing import Hmac, Secret, SecretRefused, Signer, new_secret, secret_bytes

MESSAGE = "0191f0d2-6f0a-7cc3-b1a5-3d2b8b6c9a10"


def headers(signer: Signer, body: bytes, at: int) -> dict[str, str]:
    return {
        "webhook-id": MESSAGE,
        "webhook-timestamp": str(at),
        "webhook-signature": signer.sign(MESSAGE, at, body).decode(),
    }


@given(value=st.dictionaries(st.text(max_size=20), st.text(max_size=50), max_size=5))
def test_the_official_libraries_verify_what_we_sign(value: dict[str, str]) -> None:
    secret, now = new_secret(), int(time.time())
    body = json.dumps(value).encode()
    given = headers(Signer([Secret(secret)]), body, now)
    assert Webhook(secret).verify(body, given) == value
    svix.Webhook(secret).verify(body, given)


def test_during_a_rotation_both_secrets_verify_and_afterwards_the_new_one_only() -> None:
    old, new, now = new_secret(), new_secret(), int(time.time())
    signer = Signer([Secret(new), Secret(old, expires_at_ms=(now + 10) * 1_000)])
    during = headers(signer, b"{}", now)
    Webhook(new).verify(b"{}", during)
    Webhook(old).verify(b"{}", during)
    after = headers(signer, b"{}", now + 10)
    Webhook(new).verify(b"{}", after)
    with pytest.raises(WebhookVerificationError):
        Webhook(old).verify(b"{}", after)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "whsec_",
        "topsecret1",
        "whsec_***",
        "whsec_" + base64.b64encode(b"x" * 23).decode(),
        "whsec_" + base64.b64encode(b"x" * 65).decode(),
    ],
)
def test_an_invalid_secret_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(SecretRefused) as refused:
        secret_bytes(text)
    assert not text.removeprefix("whsec_") or text not in str(refused.value)


def test_a_secret_never_shows_in_its_representation() -> None:
    secret = Secret(new_secret())
    assert secret.text not in repr(secret)


@given(key=st.binary(min_size=1, max_size=64), message=st.binary(max_size=4_000))
def test_an_hmac_equals_that_of_the_standard_library(key: bytes, message: bytes) -> None:
    assert Hmac(key).digest(message) == hmac.digest(key, message, "sha256")
