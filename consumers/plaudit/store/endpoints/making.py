"""From what is asked for to the row of an endpoint: pure but for the encryption."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from plaudit.endpoints.keys import SecretKeys
from plaudit.endpoints.opening import Private, seal, unseal
from plaudit.endpoints.signing import Secret
from plaudit.endpoints.table import HEAD_START_MS
from plaudit.store.endpoints.rows import StoredEndpoint
from plaudit.store.endpoints.spec import EndpointSpec

KEPT_MS: Final = 14 * 24 * 3_600_000
"""Events are kept for so long: what was published before can't be read any more."""
MOST_PERIODS: Final = 20
"""Of service, the latest: an endpoint that is switched on and off all day does not grow."""


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


def changed_endpoint(
    keys: SecretKeys, before: StoredEndpoint, asked: EndpointSpec
) -> StoredEndpoint:
    """Return an endpoint as it shall be, of the version before; a secret stays if none is given.

    Raises:
        CannotOpen: its key is not here.
    """
    known = unseal(keys, before.endpoint_id, before.sealed)
    secrets = known.secrets
    if asked.secret is not None and asked.secret != secrets[0].text:
        secrets = [Secret(asked.secret)]
    private = replace(known, url=asked.url, headers=asked.headers, secrets=secrets)
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


def enabled_endpoint(keys: SecretKeys, before: StoredEndpoint, now_ms: int) -> StoredEndpoint:
    """Return a disabled endpoint as it is when it is served again, still of the version before.

    What was published while it was served before is still delivered, if it is read only now; what
    was published between these times is not. A worker that reads the events needs to know them.

    Raises:
        CannotOpen: its key is not here.
    """
    known = unseal(keys, before.endpoint_id, before.sealed)
    since_ms = now_ms if before.status_since is None else before.status_since
    served = (*known.earlier, (before.active_from, since_ms))
    kept = [each for each in served if each[0] < each[1] and each[1] > now_ms - KEPT_MS]
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


def next_version(changed: StoredEndpoint, now_ms: int) -> StoredEndpoint:
    """Return a changed endpoint as the next version."""
    return replace(changed, version=changed.version + 1, updated_at=now_ms)
