"""Registry of endpoint health, which a worker's lanes share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final

from plaudit.deliver.isolation.endpoint_health import EndpointHealth
from plaudit.deliver.isolation.findings import (
    Finding,
    PeerFindingCache,
    PublishedState,
    unpublished_finding,
)

MOST_FINDINGS: Final = 100
"""Findings that a worker publishes at a time; the rest follows half a second later."""


class SharedHealth:
    """Health of one endpoint, and the number of lanes that use it.

    Attributes:
        health: health of the latest version.
        version: the endpoint's latest version.
        lanes: number of lanes that use the endpoint.
        published: state that was published to other workers; None: nothing was published.
    """

    __slots__ = ("health", "lanes", "published", "version")

    def __init__(self, version: int) -> None:
        self.health = EndpointHealth()
        self.version = version
        self.lanes = 0
        self.published: PublishedState | None = None


class HealthRegistry:
    """Health of a worker's endpoints.

    Both lanes use the same health. Findings of other workers arrive here, and new findings for them
    are collected here.
    """

    def __init__(self) -> None:
        self._shared: dict[str, SharedHealth] = {}
        self._peers = PeerFindingCache()

    def join(self, endpoint_id: str, version: int, now_s: float) -> EndpointHealth:
        """Return an endpoint's health for one more lane, which must call `leave` at the end."""
        shared = self._shared.get(endpoint_id)
        if shared is None:
            shared = self._shared[endpoint_id] = SharedHealth(version)
            peer = self._peers.find(endpoint_id, now_s)
            if peer is not None:
                shared.published = PublishedState()
                peer.adopt(version, shared.health, shared.published, now_s)
        shared.lanes += 1
        return self.renew(endpoint_id, version)

    def renew(self, endpoint_id: str, version: int) -> EndpointHealth:
        """Return an endpoint's health; a newer version has no history."""
        shared = self._shared[endpoint_id]
        if version > shared.version:
            shared.version = version
            shared.health = EndpointHealth()
            shared.published = None
        return shared.health

    def leave(self, endpoint_id: str) -> None:
        """Forget an endpoint that no lane uses any more."""
        shared = self._shared[endpoint_id]
        shared.lanes -= 1
        if not shared.lanes:
            del self._shared[endpoint_id]

    def receive(self, finding: Finding, age_s: float, now_s: float) -> None:
        """Apply a finding of another worker."""
        peer = self._peers.receive(finding, now_s - age_s)
        shared = self._shared.get(finding.endpoint_id)
        if shared is not None:
            if shared.published is None:
                shared.published = PublishedState()
            peer.adopt(shared.version, shared.health, shared.published, now_s)

    def findings(self, now_s: float, owns: Callable[[str], bool]) -> list[Finding]:
        """Return the findings to publish.

        Args:
            now_s: monotonic seconds.
            owns: returns whether this worker owns an endpoint.
        """
        found = list(islice(self._findings(now_s, owns), MOST_FINDINGS))
        for each in found:
            if not each.failing_s:
                self._peers.distrust(each.endpoint_id, now_s)
        return found

    def _findings(self, now_s: float, owns: Callable[[str], bool]) -> Iterator[Finding]:
        for endpoint_id, shared in self._shared.items():
            if shared.published is None:
                if shared.health.is_untroubled:
                    continue
                shared.published = PublishedState()
            found = unpublished_finding(
                endpoint_id, shared.version, shared.health, shared.published, now_s, owns
            )
            if found is not None:
                yield found
