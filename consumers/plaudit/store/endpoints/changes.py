"""Results of changes to endpoints, and their errors."""

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
        endpoint: the endpoint after the change.
        secret: new secret, shown only once.
        trouble: why the change is not in Kafka yet; None: it is.
        missed_since: start of the pause of an endpoint that is enabled again, epoch milliseconds.
        warnings: effects of the change to point out.
    """

    endpoint: StoredEndpoint
    secret: str | None = None
    trouble: str | None = None
    missed_since: int | None = None
    warnings: Sequence[str] = ()


def offers(written: WrittenEndpoint) -> list[str]:
    """Return commands that send what an endpoint missed; empty if it missed nothing."""
    since, endpoint = written.missed_since, written.endpoint
    return [] if since is None else [offer(endpoint.endpoint_id, since, endpoint.active_from)]
