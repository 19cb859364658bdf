"""Findings about the health of endpoints, which workers exchange. Pure.

A worker publishes a finding when a circuit opens or closes, and when it learns an endpoint's rate
limit. Other workers apply a finding with care, because the fault may be in the worker that
published it:

- A finding stops an endpoint for 30 s at most. Then each worker probes the endpoint itself.
- A worker whose own attempts have succeeded since then ignores the finding, and publishes that the
  endpoint works. For the next 5 min, it ignores findings that this endpoint fails.
- A worker that the endpoint refused itself keeps its own learnt limit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from plaudit.deliver.isolation.allowance import Allowance
from plaudit.deliver.isolation.circuit_breaker import CLOSED, State
from plaudit.deliver.isolation.endpoint_health import NEVER_S, EndpointHealth

TRUSTED_S: Final = 30.0
"""Maximum time for which a finding stops an endpoint, so that a wrong or forged one does little
harm."""
FAILING_MOST_S: Final = 1_200.0
"""Maximum assumed length of an outage that only other workers have observed. After a failed probe
of its own, the worker keeps the circuit open for a fortieth of it, which is `TRUSTED_S`."""
KEPT_S: Final = 300.0
MOST_KEPT: Final = 10_000
"""Findings are kept for this time, and for this number of endpoints, so that they also apply to
endpoints that appear later."""
PROBE_EVERY_S: Final = 5.0
"""Minimum interval between probes that reports of a working endpoint cause."""
PUBLISH_EVERY_S: Final = 5.0
REFRESH_S: Final = 30.0
"""Interval at which the owner of an endpoint repeats its limit, because other workers forget it."""
ALIKE: Final = 0.1
SAME_S: Final = 1.0
LEAST_S: Final = 0.001


class Finding(NamedTuple):
    """Observation of one worker about an endpoint.

    Attributes:
        endpoint_id: the endpoint.
        version: the endpoint's version.
        failing_s: seconds since its first failure in a row; 0: it works.
        open_s: seconds until the circuit lets a probe through.
        held_s: seconds of the pause that it asked for.
        paced: whether it has refused requests for their pace.
        per_s: requests that it accepts in a second; None: unknown.
    """

    endpoint_id: str
    version: int
    failing_s: float
    open_s: float
    held_s: float
    paced: bool
    per_s: float | None


class PublishedState:
    """State of an endpoint as this worker last published it.

    Attributes:
        until_s: end of the published opening.
        was_open: whether the circuit was open at the last check.
        refutes: whether to publish that the endpoint works here.
        refuted_s: beginning of the failures that were refuted.
        refused_s: time of the published refusal.
        per_s: published limit.
        at_s: time of the last finding.
    """

    __slots__ = ("at_s", "per_s", "refused_s", "refuted_s", "refutes", "until_s", "was_open")

    def __init__(self) -> None:
        self.until_s = 0.0
        self.was_open = False
        self.refutes = False
        self.refuted_s = NEVER_S
        self.refused_s = NEVER_S
        self.per_s: float | None = None
        self.at_s = NEVER_S

    def refute(self, failing_since_s: float) -> None:
        """Note, once, to publish that an endpoint works that another worker reports as failing."""
        if abs(failing_since_s - self.refuted_s) > SAME_S:
            self.refuted_s = failing_since_s
            self.refutes = True


def unpublished_finding(
    endpoint_id: str,
    version: int,
    health: EndpointHealth,
    published: PublishedState,
    now_s: float,
    owns: Callable[[str], bool],
) -> Finding | None:
    """Return the next finding to publish about an endpoint; None: nothing has changed.

    Args:
        endpoint_id: the endpoint.
        version: the endpoint's version.
        health: its health, from this worker's attempts.
        published: the published state, which is updated.
        now_s: monotonic seconds.
        owns: returns whether this worker owns an endpoint, so that its limit applies to all.
    """
    circuit, allowance = health.circuit, _own_allowance(health)
    closed, opened = circuit.state is CLOSED, circuit.state is State.OPEN and circuit.is_own
    works = closed and (published.was_open or published.refutes)
    published.was_open = not closed
    is_owner = allowance is not None and owns(endpoint_id)
    if not works:
        if now_s - published.at_s < PUBLISH_EVERY_S:
            return None
        fails = opened and circuit.until_s != published.until_s
        if not fails and not _is_pace_new(allowance, published, now_s, is_owner=is_owner):
            return None
    published.refutes, published.at_s, published.until_s = False, now_s, circuit.until_s
    published.refused_s = NEVER_S if allowance is None else allowance.refused_s
    published.per_s = allowance.ceiling_per_s if allowance is not None and is_owner else None
    failing_s = 0.0 if closed else max(now_s - circuit.failing_since_s, LEAST_S)
    open_s = circuit.left_s(now_s) if opened else 0.0
    held_s, paced = health.held_s(now_s), allowance is not None
    return Finding(endpoint_id, version, failing_s, open_s, held_s, paced, published.per_s)


def _own_allowance(health: EndpointHealth) -> Allowance | None:
    """Return the limit that this worker learnt from its own refusals."""
    allowance = health.allowance
    return allowance if allowance is not None and allowance.is_own else None


def _is_pace_new(
    allowance: Allowance | None, published: PublishedState, now_s: float, *, is_owner: bool
) -> bool:
    """Return whether a limit must be published, for the first time or again."""
    if allowance is None:
        return False
    if allowance.refused_s != published.refused_s:
        return True
    if not is_owner or not allowance.takes_others(now_s):
        return False
    limit, known = allowance.ceiling_per_s, published.per_s
    changed = limit is not None and (known is None or abs(limit - known) > known * ALIKE)
    return changed or now_s - published.at_s >= REFRESH_S


class PeerFindings:
    """Findings of other workers about one endpoint.

    Attributes:
        finding: the latest finding.
        at_s: its time, monotonic seconds of this worker.
        worked_s: when the endpoint last worked for another worker.
        probed_s: when this worker last probed for that reason.
        trusted_s: when this worker last applied a report of failures.
        distrusted_until_s: end of the time in which this worker relies on its own attempts.
    """

    __slots__ = ("at_s", "distrusted_until_s", "finding", "probed_s", "trusted_s", "worked_s")

    def __init__(self, finding: Finding, at_s: float) -> None:
        self.finding = finding
        self.at_s = at_s
        self.worked_s = self.probed_s = self.trusted_s = self.distrusted_until_s = NEVER_S

    def adopt(
        self, version: int, health: EndpointHealth, published: PublishedState, now_s: float
    ) -> None:
        """Apply the finding to the health of the endpoint.

        Args:
            version: the endpoint's version here; a finding about another version is ignored.
            health: the endpoint's health.
            published: receives a refutation, if the finding is wrong.
            now_s: monotonic seconds.
        """
        finding = self.finding
        if finding.version != version:
            return
        if finding.failing_s:
            self._adopt_failing(health, published, now_s)
        elif health.open:
            self._adopt_working(health, now_s)
        if finding.paced and (health.allowance is None or not health.allowance.is_own):
            health.pace_on_report(finding.per_s, now_s)
            health.hold(min(self.at_s + finding.held_s - now_s, TRUSTED_S), now_s)

    def _adopt_working(self, health: EndpointHealth, now_s: float) -> None:
        is_new = self.worked_s > health.circuit.failing_since_s
        if is_new and now_s - self.probed_s >= PROBE_EVERY_S:
            self.probed_s = now_s
            health.probe_on_report(now_s)

    def _adopt_failing(
        self, health: EndpointHealth, published: PublishedState, now_s: float
    ) -> None:
        open_s = min(self.at_s + self.finding.open_s - now_s, TRUSTED_S)
        since_s = self.at_s - self.finding.failing_s
        if open_s <= 0 or self.worked_s > since_s or now_s < self.distrusted_until_s:
            return
        if health.worked_s > since_s:
            published.refute(since_s)
            return
        if health.worked_s > self.trusted_s > NEVER_S:
            # The last such finding was wrong, by an attempt that followed it.
            self.distrusted_until_s, self.trusted_s = now_s + KEPT_S, NEVER_S
            return
        if not health.open:
            self.trusted_s = now_s
        health.open_on_report(open_s, min(now_s - since_s, FAILING_MOST_S), now_s)


class PeerFindingCache:
    """Findings of other workers, by endpoint."""

    def __init__(self) -> None:
        self._peers: dict[str, PeerFindings] = {}

    def find(self, endpoint_id: str, now_s: float) -> PeerFindings | None:
        """Return the recent findings about an endpoint; None: there are none."""
        peer = self._peers.get(endpoint_id)
        return None if peer is None or now_s - peer.at_s > KEPT_S else peer

    def distrust(self, endpoint_id: str, now_s: float) -> None:
        """Ignore reports of failures for a while, because the endpoint works here."""
        peer = self._peers.get(endpoint_id)
        if peer is not None:
            peer.distrusted_until_s = now_s + KEPT_S

    def receive(self, finding: Finding, at_s: float) -> PeerFindings:
        """Add a finding of another worker.

        Returns:
            The findings about its endpoint.
        """
        peer = self._peers.pop(finding.endpoint_id, None)
        if peer is None:
            peer = PeerFindings(finding, at_s)
        peer.finding, peer.at_s = finding, at_s
        if not finding.failing_s:
            peer.worked_s = at_s
        # The latest is last, so the first ones are the oldest.
        self._peers[finding.endpoint_id] = peer
        while len(self._peers) > MOST_KEPT:
            self._peers.pop(next(iter(self._peers)))
        return peer
