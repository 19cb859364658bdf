"""From what is asked for to the row of an endpoint: pure but for the encryption."""

from __future__ import annotations

from dataclasses import replace

from plaudit.endpoints.keys import SecretKeys
from plaudit.endpoints.opening import Private, seal, unseal
from plaudit.endpoints.signing import Secret
from plaudit.store.endpoints import StoredEndpoint
from plaudit.store.relay import HEAD_START_MS
from plaudit.store.wanted import Wanted


def new_endpoint(
    keys: SecretKeys, asked: Wanted, workspace_id: str, endpoint_id: str, secret: str, now_ms: int
) -> StoredEndpoint:
    """Return a new endpoint.

    Args:
        keys: seal what is private.
        asked: how it shall be, in canonical form.
        workspace_id: its owner.
        endpoint_id: UUID.
        secret: signs its requests.
        now_ms: epoch milliseconds; it is served from two seconds later on.
    """
    private = Private(asked.url, asked.headers, [Secret(secret)])
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
    )


def changed_endpoint(keys: SecretKeys, before: StoredEndpoint, asked: Wanted) -> StoredEndpoint:
    """Return an endpoint as it shall be, of the version before; a secret stays if none is given.

    Raises:
        CannotOpen: its key is not here.
    """
    secrets = unseal(keys, before.endpoint_id, before.sealed).secrets
    if asked.secret is not None and asked.secret != secrets[0].text:
        secrets = [Secret(asked.secret)]
    private = Private(asked.url, asked.headers, secrets)
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
    )


def next_version(changed: StoredEndpoint, now_ms: int) -> StoredEndpoint:
    """Return a changed endpoint as the next version."""
    return replace(changed, version=changed.version + 1, updated_at=now_ms)
