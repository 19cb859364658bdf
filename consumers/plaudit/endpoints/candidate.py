"""Fields of an endpoint that matching reads; its record holds them in the clear."""

from __future__ import annotations

from dataclasses import dataclass

from plaudit.endpoints.filters import Filter
from plaudit.endpoints.model import Former


@dataclass(frozen=True, slots=True)
class Candidate:
    """An endpoint that may want an event; its URL, headers and secrets stay encrypted.

    Attributes:
        endpoint_id: UUID.
        workspace_id: UUID of the tenant.
        version: grows with every change.
        types: event types that it subscribes to; none means all.
        spaces: spaces whose events it subscribes to; none means all.
        active_from_ms: start of its service; events appended before it match only an earlier period
            of service.
        wants: its content filter; None: everything.
        ended_ms: when it was disabled or deleted; None: it is served.
        readable: whether its record can be decrypted, if that was tried.
        former: the endpoint, if it is deleted.
    """

    endpoint_id: str
    workspace_id: str
    version: int
    types: frozenset[str]
    spaces: frozenset[str]
    active_from_ms: int
    wants: Filter | None = None
    ended_ms: int | None = None
    readable: bool = True
    former: Former | None = None

    @staticmethod
    def of_former(former: Former) -> Candidate:
        """Return a deleted endpoint as a candidate."""
        return Candidate(
            former.endpoint_id,
            former.workspace_id,
            former.version,
            former.types,
            former.spaces,
            former.active_from_ms,
            former.wants,
            former.ended_ms,
            readable=False,
            former=former,
        )
