"""New versions of an endpoint's row: created, changed, rotated and enabled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from plaudit.endpoints.key_pairs import SigningKey, new_signing_key
from plaudit.endpoints.keys import SecretKeys
from plaudit.endpoints.opening import EncryptedFields, seal, unseal
from plaudit.endpoints.signing import KINDS, Secret
from plaudit.endpoints.summary import HEAD_START_MS
from plaudit.records.times import time_text
from plaudit.store.endpoints.rows import StoredEndpoint
from plaudit.store.endpoints.spec import EndpointSpec, InputRefused

RETENTION_MS: Final = 14 * 24 * 3_600_000
"""Retention of events in Kafka."""
MOST_PERIODS: Final = 20
"""Service periods to keep, so that an endpoint that is toggled all day does not grow."""

MOST_SECRETS: Final = 5
"""Secrets that sign at the same time; each adds 48 characters to the signature header."""
V1A: Final = "v1a"


class Overlap(NamedTuple):
    """Time for which former secrets and key pairs continue to sign.

    Attributes:
        now_ms: time of the rotation, epoch milliseconds.
        overlap_ms: duration from then on.
    """

    now_ms: int
    overlap_ms: int

    def end(self, expires_at_ms: int | None) -> int:
        """Return when a secret stops signing; an earlier rotation's end does not move."""
        return self.now_ms + self.overlap_ms if expires_at_ms is None else expires_at_ms


def new_endpoint(
    keys: SecretKeys,
    asked: EndpointSpec,
    workspace_id: str,
    endpoint_id: str,
    secret: str,
    now_ms: int,
) -> StoredEndpoint:
    """Return a new endpoint.

    Args:
        keys: encrypt private fields.
        asked: specification in canonical form.
        workspace_id: owner.
        endpoint_id: UUID.
        secret: secret that signs requests.
        now_ms: epoch milliseconds; service starts two seconds later.
    """
    kinds = KINDS[asked.signing]
    pairs = [new_signing_key()] if V1A in kinds else []
    private = EncryptedFields(asked.url, asked.headers, [Secret(secret)], pairs=pairs)
    return StoredEndpoint(
        endpoint_id,
        workspace_id,
        asked.name,
        1,
        seal(keys, endpoint_id, private),
        asked.types,
        asked.spaces,
        asked.format,
        asked.rate_limit,
        asked.schedule,
        "active",
        None,
        None,
        now_ms + HEAD_START_MS,
        announced=False,
        created_at=now_ms,
        updated_at=now_ms,
        content_filter=asked.content_filter,
        signature_kinds=kinds,
    )


def changed_endpoint(
    keys: SecretKeys, before: StoredEndpoint, asked: EndpointSpec
) -> StoredEndpoint:
    """Return an endpoint with a new specification, but its old version.

    Raises:
        CannotOpen: its key is missing.
    """
    known = unseal(keys, before.endpoint_id, before.sealed)
    secrets = known.secrets
    if asked.secret is not None and asked.secret != secrets[0].text:
        # The current secret stops signing. Former ones sign until the end of their own rotation.
        kept = [each for each in secrets[1:] if each.text != asked.secret]
        secrets = [Secret(asked.secret), *kept]
    kinds = KINDS[asked.signing]
    # Keep an unused pair, so that using it again does not change the public key.
    pairs = known.pairs or ([new_signing_key()] if V1A in kinds else [])
    private = replace(known, url=asked.url, headers=asked.headers, secrets=secrets, pairs=pairs)
    return replace(
        before,
        name=asked.name,
        sealed=seal(keys, before.endpoint_id, private),
        event_types=asked.types,
        spaces=asked.spaces,
        format=asked.format,
        rate_limit=asked.rate_limit,
        schedule=asked.schedule,
        content_filter=asked.content_filter,
        signature_kinds=kinds,
    )


def rotated_endpoint(
    keys: SecretKeys, before: StoredEndpoint, secret: str, seed: bytes | None, times: Overlap
) -> StoredEndpoint:
    """Return an endpoint with a new secret and, if it uses a key pair, a new one.

    Former ones continue to sign for a while. A second rotation does not shorten that time.

    Raises:
        CannotOpen: its key is missing.
        InputRefused: too many former secrets still sign.
    """
    known = unseal(keys, before.endpoint_id, before.sealed)
    secrets = rotated_secrets(known.secrets, secret, times.now_ms, times.overlap_ms)
    pairs = list(known.pairs)
    if V1A in before.signature_kinds:
        pairs = [new_signing_key(seed)]
        for pair in known.pairs:
            until_ms = times.end(pair.expires_at_ms)
            if until_ms > times.now_ms:
                pairs.append(SigningKey(pair.text, until_ms))
    private = replace(known, secrets=secrets, pairs=pairs)
    return replace(before, sealed=seal(keys, before.endpoint_id, private))


def enabled_endpoint(keys: SecretKeys, before: StoredEndpoint, now_ms: int) -> StoredEndpoint:
    """Return a disabled endpoint as enabled, but with its old version.

    Workers may read an event long after it was published. So the row keeps the service periods:
    events from an earlier period are delivered, and events between two periods are not.

    Raises:
        CannotOpen: its key is missing.
    """
    known = unseal(keys, before.endpoint_id, before.sealed)
    since_ms = now_ms if before.status_since is None else before.status_since
    served = (*known.earlier, (before.active_from, since_ms))
    kept = [each for each in served if each[0] < each[1] and each[1] > now_ms - RETENTION_MS]
    private = replace(known, earlier=tuple(kept[-MOST_PERIODS:]))
    return replace(
        before,
        sealed=seal(keys, before.endpoint_id, private),
        status="active",
        status_reason=None,
        status_since=now_ms,
        active_from=now_ms + HEAD_START_MS,
        announced=False,
    )


def rotated_secrets(
    secrets: Sequence[Secret], fresh: str, now_ms: int, overlap_ms: int
) -> list[Secret]:
    """Return an endpoint's secrets after a rotation, newest first.

    Every former secret signs until the end of its own rotation.

    Args:
        secrets: secrets before the rotation, newest first.
        fresh: the new secret.
        now_ms: time of the rotation, epoch milliseconds.
        overlap_ms: time for which the replaced secret continues to sign.

    Raises:
        InputRefused: too many former secrets still sign.
    """
    current, *former = secrets
    kept = [each for each in former if each.expires_at_ms is None or each.expires_at_ms > now_ms]
    if overlap_ms > 0:
        kept.insert(0, Secret(current.text, now_ms + overlap_ms))
    if len(kept) >= MOST_SECRETS:
        ends_ms = min(each.expires_at_ms or 0 for each in kept[1:] or kept)
        raise InputRefused(
            "overlap",
            f"{MOST_SECRETS} secrets already sign for this endpoint; the first of them ends at "
            f"{time_text(ends_ms)}; rotate after that",
        )
    return [Secret(fresh), *kept]


def next_version(changed: StoredEndpoint, now_ms: int) -> StoredEndpoint:
    """Return a changed endpoint as the next version."""
    return replace(changed, version=changed.version + 1, updated_at=now_ms)
