"""A rotation makes new keys, and the former ones sign for as long as was promised."""

from __future__ import annotations

import os
from uuid import uuid4

import pytest

from plaudit.endpoints.keys import SecretKeys
from plaudit.endpoints.opening import EncryptedFields, signer_of, unseal
from plaudit.endpoints.signing import new_secret
from plaudit.store.endpoints.rows import StoredEndpoint
from plaudit.store.endpoints.spec import EndpointSpec
from plaudit.store.endpoints.transitions import (
    Overlap,
    changed_endpoint,
    new_endpoint,
    rotated_endpoint,
)

KEYS = SecretKeys([os.urandom(32)])
DAY_MS = 24 * 3_600_000
T0 = 1_800_000_000_000


def endpoint(signing: str) -> StoredEndpoint:
    asked = EndpointSpec("https://hooks.example.com/", signing=signing)
    return new_endpoint(KEYS, asked, str(uuid4()), str(uuid4()), new_secret(), T0)


def private(stored: StoredEndpoint) -> EncryptedFields:
    return unseal(KEYS, stored.endpoint_id, stored.sealed)


def kinds_at(stored: StoredEndpoint, at_ms: int) -> list[str]:
    signer = signer_of(private(stored), stored.signature_kinds)
    return [
        each[:3].decode().rstrip(",") for each in signer.sign("id", at_ms // 1_000, b"").split()
    ]


def rotated(stored: StoredEndpoint, at_ms: int, overlap_ms: int = DAY_MS) -> StoredEndpoint:
    return rotated_endpoint(KEYS, stored, new_secret(), None, Overlap(at_ms, overlap_ms))


def test_former_pairs_sign_as_long_as_promised_and_then_go() -> None:
    first = endpoint("both")
    twice = rotated(rotated(first, T0), T0 + 1_000, overlap_ms=5_000)
    pairs = private(twice).pairs
    assert [each.expires_at_ms for each in pairs] == [None, T0 + 6_000, T0 + DAY_MS]
    assert pairs[2].text == private(first).pairs[0].text
    later = rotated(twice, T0 + 2 * DAY_MS)
    assert (len(private(later).secrets), len(private(later).pairs)) == (2, 2)


@pytest.mark.parametrize(
    ("signing", "before", "during"),
    [
        ("v1", ["v1"], ["v1", "v1"]),
        ("v1a", ["v1a"], ["v1a", "v1a"]),
        ("both", ["v1", "v1a"], ["v1", "v1", "v1a", "v1a"]),
    ],
)
def test_all_kinds_of_an_endpoint_rotate(
    signing: str, before: list[str], during: list[str]
) -> None:
    stored = endpoint(signing)
    assert kinds_at(stored, T0) == before
    again = rotated(stored, T0)
    assert kinds_at(again, T0 + 1_000) == during
    assert kinds_at(again, T0 + DAY_MS) == before


def test_a_key_pair_is_made_when_first_needed_and_kept_when_unused() -> None:
    stored = endpoint("v1")
    assert private(stored).pairs == []
    asked = EndpointSpec("https://hooks.example.com/", signing="both")
    both = changed_endpoint(KEYS, stored, asked)
    [pair] = private(both).pairs
    off = changed_endpoint(KEYS, both, EndpointSpec("https://hooks.example.com/"))
    assert kinds_at(off, T0) == ["v1"]
    assert list(private(changed_endpoint(KEYS, off, asked)).pairs) == [pair]
