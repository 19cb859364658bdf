"""Asymmetric signatures, checked by another implementation of Ed25519."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from plaudit.dev.receiving import NotVerified, verify
from plaudit.endpoints.key_pairs import (
    KeyRefused,
    SigningKey,
    new_signing_key,
    public_bytes,
    verifies,
)
from plaudit.endpoints.keys import SecretKeys
from plaudit.endpoints.opening import EncryptedFields, seal, signer_of, unseal
from plaudit.endpoints.signing import Secret, Signer, new_secret

MESSAGE = "0191f0d2-6f0a-7cc3-b1a5-3d2b8b6c9a10"
BODY = '{"text":"Très bien"}'.encode()
SEED = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
PUBLIC = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
EMPTY = bytes.fromhex(
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
    "d25bf5f0595bbe24655141438e7a100b"
)
"""RFC 8032, section 7.1, test 1."""


def signed(signer: Signer, at: int) -> dict[str, str]:
    return {
        "webhook-id": MESSAGE,
        "webhook-timestamp": str(at),
        "webhook-signature": signer.sign(MESSAGE, at, BODY).decode(),
    }


def test_a_key_of_the_standards_document_has_its_public_key_and_its_signature() -> None:
    key = new_signing_key(SEED)
    assert base64.b64decode(key.text.removeprefix("whsk_")) == SEED + PUBLIC
    assert public_bytes(key.public) == PUBLIC
    assert verifies(key.public, "v1a," + base64.b64encode(EMPTY).decode(), b"")


def test_a_signature_covers_id_time_and_body_exactly() -> None:
    key = new_signing_key()
    now = int(time.time())
    headers = signed(Signer([], [key]), now)
    version, _, signature = headers["webhook-signature"].partition(",")
    content = f"{MESSAGE}.{now}.".encode() + BODY
    public = Ed25519PublicKey.from_public_bytes(key.public_bytes)
    public.verify(base64.b64decode(signature), content)
    with pytest.raises(InvalidSignature):
        public.verify(base64.b64decode(signature), content + b" ")
    assert version == "v1a"
    assert verify(key.public, headers, BODY) == MESSAGE
    for other in (BODY + b" ", b""):
        with pytest.raises(NotVerified):
            verify(key.public, headers, other)
    with pytest.raises(NotVerified):
        verify(new_signing_key().public, headers, BODY)


def test_both_kinds_of_signatures_are_sent() -> None:
    key, secret = new_signing_key(), new_secret()
    headers = signed(Signer([Secret(secret)], [key]), int(time.time()))
    kinds = [each.partition(",")[0] for each in headers["webhook-signature"].split()]
    assert kinds == ["v1", "v1a"]
    assert verify(secret, headers, BODY) == verify(key.public, headers, BODY) == MESSAGE


def test_during_a_rotation_both_pairs_sign_and_afterwards_the_new_one_only() -> None:
    new, old = new_signing_key(), new_signing_key()
    now = int(time.time())
    signer = Signer([], [new, SigningKey(old.text, (now + 10) * 1_000)])
    for public in (new.public, old.public):
        assert verify(public, signed(signer, now), BODY, now)
    after = signed(signer, now + 10)
    assert verify(new.public, after, BODY, now)
    with pytest.raises(NotVerified):
        verify(old.public, after, BODY, now)


@pytest.mark.parametrize(
    ("kinds", "made"),
    [(["v1"], ["v1"]), (["v1a"], ["v1a"]), (["v1", "v1a"], ["v1", "v1a"]), (["v9"], ["v1"])],
)
def test_an_endpoint_receives_the_signatures_that_it_asked_for(
    kinds: list[str], made: list[str]
) -> None:
    private = EncryptedFields(
        "https://x.example/", {}, [Secret(new_secret())], (), [new_signing_key()]
    )
    header = signed(signer_of(private, kinds), 0)["webhook-signature"]
    assert [each.partition(",")[0] for each in header.split()] == made


def test_a_pair_is_sealed_with_its_endpoint_and_never_shows() -> None:
    keys, key = SecretKeys([b"k" * 32]), SigningKey(new_signing_key().text, 7)
    private = EncryptedFields("https://x.example/", {}, [Secret(new_secret())], (), [key])
    assert list(unseal(keys, "a", seal(keys, "a", private)).pairs) == [key]
    assert key.text not in repr(key)


@pytest.mark.parametrize("use", [public_bytes, lambda text: SigningKey(text).public])
@pytest.mark.parametrize("text", ["", "whpk_", "whsk_***", "whsec_YWJj", "whpk_YWJj", "topsecret"])
def test_an_invalid_key_is_refused_without_printing_it(
    text: str, use: Callable[[str], object]
) -> None:
    with pytest.raises(KeyRefused) as refused:
        use(text)
    assert "YWJj" not in str(refused.value)
    assert "topsecret" not in str(refused.value)
