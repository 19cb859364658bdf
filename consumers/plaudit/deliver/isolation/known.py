"""Endpoint health shared by a worker's lanes, and with other workers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final

from plaudit.deliver.isolation.endpoint_health import EndpointHealth
from plaudit.deliver.isolation.findings import Finding, HeardFindings, Told, news

MOST_FINDINGS: Final = 100
"""Findings that a worker tells the others at a time; the rest follows half a second later."""


class Known:
    """Health of one endpoint, and the number of lanes that use it.

    Attributes:
        standing: health of the latest version.
        version: the latest one.
        lanes: number of lanes that use the endpoint.
        told: what other workers know of it; None: nothing, and there was nothing to tell.
    """

    __slots__ = ("lanes", "standing", "told", "version")

    def __init__(self, version: int) -> None:
        self.standing = EndpointHealth()
        self.version = version
        self.lanes = 0
        self.told: Told | None = None


class Standings:
    """Health of a worker's endpoints.

    What one lane learns, the other uses at once. What other workers find out is heard here, and
    what they do not know yet is found here.
    """

    def __init__(self) -> None:
        self._known: dict[str, Known] = {}
        self._heard = HeardFindings()

    def join(self, endpoint_id: str, version: int, now_s: float) -> EndpointHealth:
        """Return an endpoint's health for one more lane, which calls `leave` in the end."""
        known = self._known.get(endpoint_id)
        if known is None:
            known = self._known[endpoint_id] = Known(version)
            heard = self._heard.find(endpoint_id, now_s)
            if heard is not None:
                known.told = Told()
                heard.adopt(version, known.standing, known.told, now_s)
        known.lanes += 1
        return self.renew(endpoint_id, version)

    def renew(self, endpoint_id: str, version: int) -> EndpointHealth:
        """Return an endpoint's health; a newer version has no history."""
        known = self._known[endpoint_id]
        if version > known.version:
            known.version = version
            known.standing = EndpointHealth()
            known.told = None
        return known.standing

    def leave(self, endpoint_id: str) -> None:
        """Forget an endpoint that no lane uses any more."""
        known = self._known[endpoint_id]
        known.lanes -= 1
        if not known.lanes:
            del self._known[endpoint_id]

    def hear(self, finding: Finding, age_s: float, now_s: float) -> None:
        """Use what another worker found out a moment ago."""
        heard = self._heard.hear(finding, now_s - age_s)
        known = self._known.get(finding.endpoint_id)
        if known is not None:
            if known.told is None:
                known.told = Told()
            heard.adopt(known.version, known.standing, known.told, now_s)

    def findings(self, now_s: float, owns: Callable[[str], bool]) -> list[Finding]:
        """Return what the other workers do not know yet.

        Args:
            now_s: monotonic seconds.
            owns: returns whether this worker owns an endpoint.
        """
        found = list(islice(self._findings(now_s, owns), MOST_FINDINGS))
        for each in found:
            if not each.failing_s:
                self._heard.doubt(each.endpoint_id, now_s)
        return found

    def _findings(self, now_s: float, owns: Callable[[str], bool]) -> Iterator[Finding]:
        for endpoint_id, known in self._known.items():
            if known.told is None:
                if known.standing.well:
                    continue
                known.told = Told()
            found = news(endpoint_id, known.version, known.standing, known.told, now_s, owns)
            if found is not None:
                yield found
