"""Results of changes to endpoints, and their errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from plaudit.store.endpoints.rows import StoredEndpoint
from plaudit.store.endpoints.warnings import recovery_hint


class NoSuchEndpoint(LookupError):
    """The endpoint id is unknown."""

    def __init__(self, endpoint_id: str) -> None:
        super().__init__(f"no endpoint {endpoint_id}; see `plaudit endpoints list`")


class ChangedMeanwhile(LookupError):
    """Another caller changed the endpoint after this one read it."""

    def __init__(self, endpoint_id: str) -> None:
        super().__init__(f"endpoint {endpoint_id} was changed meanwhile; read it again")


@dataclass(frozen=True, slots=True)
class WrittenEndpoint:
    """A change that is committed to the database.

    Attributes:
        endpoint: the endpoint after the change.
        secret: new secret, shown only once.
        trouble: why the change is not in Kafka yet; None if it is.
        missed_since: when a re-enabled endpoint had been disabled; epoch milliseconds.
        warnings: warnings about effects of the change.
    """

    endpoint: StoredEndpoint
    secret: str | None = None
    trouble: str | None = None
    missed_since: int | None = None
    warnings: Sequence[str] = ()


def recovery_hints(written: WrittenEndpoint) -> list[str]:
    """Return the commands that send missed events; empty if the endpoint missed none."""
    since, endpoint = written.missed_since, written.endpoint
    return (
        [] if since is None else [recovery_hint(endpoint.endpoint_id, since, endpoint.active_from)]
    )
