"""Endpoint health shared by a worker's lanes."""

from __future__ import annotations

from plaudit.deliver.isolation.endpoint_health import EndpointHealth


class Known:
    """Health of one endpoint, and the number of lanes that use it.

    Attributes:
        standing: health of the latest version.
        version: the latest one.
        lanes: number of lanes that use the endpoint.
    """

    __slots__ = ("lanes", "standing", "version")

    def __init__(self, version: int) -> None:
        self.standing = EndpointHealth()
        self.version = version
        self.lanes = 0


class Standings:
    """Health of a worker's endpoints: what one lane learns, the other uses at once."""

    def __init__(self) -> None:
        self._known: dict[str, Known] = {}

    def join(self, endpoint_id: str, version: int) -> EndpointHealth:
        """Return an endpoint's health for one more lane, which calls `leave` in the end."""
        known = self._known.get(endpoint_id)
        if known is None:
            known = self._known[endpoint_id] = Known(version)
        known.lanes += 1
        return self.renew(endpoint_id, version)

    def renew(self, endpoint_id: str, version: int) -> EndpointHealth:
        """Return an endpoint's health; a newer version has no history."""
        known = self._known[endpoint_id]
        if version > known.version:
            known.version = version
            known.standing = EndpointHealth()
        return known.standing

    def leave(self, endpoint_id: str) -> None:
        """Forget an endpoint that no lane uses any more."""
        known = self._known[endpoint_id]
        known.lanes -= 1
        if not known.lanes:
            del self._known[endpoint_id]
