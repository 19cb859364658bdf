"""Changes to endpoints: what comes of one, and why one is not made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from plaudit.store.endpoints.rows import StoredEndpoint
from plaudit.store.endpoints.warnings import offer


class NoSuchEndpoint(LookupError):
    """The endpoint id is unknown."""

    def __init__(self, endpoint_id: str) -> None:
        super().__init__(f"no endpoint {endpoint_id}; see `plaudit endpoints list`")


class ChangedMeanwhile(LookupError):
    """Another caller changed the endpoint after this one read it."""

    def __init__(self, endpoint_id: str) -> None:
        super().__init__(f"endpoint {endpoint_id} was changed meanwhile; look at it again")


@dataclass(frozen=True, slots=True)
class WrittenEndpoint:
    """A change that is safe in the database.

    Attributes:
        endpoint: as it is now.
        secret: of a new endpoint, or a new secret: shown this once.
        trouble: why the brokers have not heard of it yet; None: they have.
        missed_since: of one that is served again: since when it was not, epoch milliseconds.
        warnings: what the change took away.
    """

    endpoint: StoredEndpoint
    secret: str | None = None
    trouble: str | None = None
    missed_since: int | None = None
    warnings: Sequence[str] = ()


def offers(written: WrittenEndpoint) -> list[str]:
    """Return how to send what an endpoint missed; none when it missed nothing."""
    since, endpoint = written.missed_since, written.endpoint
    return [] if since is None else [offer(endpoint.endpoint_id, since, endpoint.active_from)]
