"""Findings about the health of endpoints, which workers tell each other. Pure.

A worker tells when a circuit opens, when it closes, and what pace an endpoint takes. Others use a
finding with care, because the worker that made it may be the one in trouble:

- It stops an endpoint for 30 s at most. Then each worker makes a probe of its own.
- A worker that has seen the endpoint work since then ignores the finding, and tells the others. It
  believes no finding that this endpoint fails for the next 5 min.
- A worker that was refused itself keeps the limit that it has learnt.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from plaudit.deliver.isolation.allowance import Allowance
from plaudit.deliver.isolation.circuit_breaker import CLOSED, State
from plaudit.deliver.isolation.endpoint_health import NEVER_S, EndpointHealth

BELIEVED_S: Final = 30.0
"""A finding stops an endpoint for this time at most: so much a wrong or forged one can delay."""
FAILING_MOST_S: Final = 1_200.0
"""An outage of which this worker has only heard counts as this long: after its own failed probe the
circuit stays open for a fortieth of it, as long as a finding is believed."""
KEPT_S: Final = 300.0
MOST_KEPT: Final = 10_000
"""Findings are kept for this time, for this number of endpoints: for those that appear later."""
PROBE_EVERY_S: Final = 5.0
"""However often others say that an endpoint works, it gets a probe for it once in this time."""
TELL_EVERY_S: Final = 5.0
REFRESH_S: Final = 30.0
"""The owner of an endpoint repeats its limit: others forget one that they only heard of."""
ALIKE: Final = 0.1
SAME_S: Final = 1.0
LEAST_S: Final = 0.001


class Finding(NamedTuple):
    """Discovery of one worker about an endpoint.

    Attributes:
        endpoint_id: the endpoint.
        version: of its record.
        failing_s: seconds since its first failure in a row; 0: it works.
        open_s: seconds until the circuit lets a probe through.
        held_s: seconds for which it asked for a pause.
        paced: whether it has refused requests for their pace.
        per_s: requests a second that it takes; None: not known.
    """

    endpoint_id: str
    version: int
    failing_s: float
    open_s: float
    held_s: float
    paced: bool
    per_s: float | None


class Told:
    """State of an endpoint as the other workers know it from this one.

    Attributes:
        until_s: end of the opening that they know.
        was_open: whether the circuit was open at the last look.
        refutes: whether they are to learn that the endpoint works here.
        refuted_s: beginning of the failures that were refuted.
        refused_s: refusal that they know.
        per_s: limit that they know.
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
        """Tell the others once that an endpoint works which one of them calls failing."""
        if abs(failing_since_s - self.refuted_s) > SAME_S:
            self.refuted_s = failing_since_s
            self.refutes = True


def news(
    endpoint_id: str,
    version: int,
    health: EndpointHealth,
    told: Told,
    now_s: float,
    owns: Callable[[str], bool],
) -> Finding | None:
    """Return what the other workers do not know yet about an endpoint.

    Args:
        endpoint_id: the endpoint.
        version: of its record.
        health: of the endpoint, from this worker's attempts.
        told: is updated.
        now_s: monotonic seconds.
        owns: returns whether this worker owns an endpoint, so that its limit is that of all.
    """
    circuit, allowance = health.circuit, _own_allowance(health)
    closed, opened = circuit.state is CLOSED, circuit.state is State.OPEN and circuit.is_own
    works = closed and (told.was_open or told.refutes)
    told.was_open = not closed
    is_owner = allowance is not None and owns(endpoint_id)
    if not works:
        if now_s - told.at_s < TELL_EVERY_S:
            return None
        fails = opened and circuit.until_s != told.until_s
        if not fails and not _pace_is_new(allowance, told, now_s, is_owner=is_owner):
            return None
    told.refutes, told.at_s, told.until_s = False, now_s, circuit.until_s
    told.refused_s = NEVER_S if allowance is None else allowance.refused_s
    told.per_s = allowance.ceiling_per_s if allowance is not None and is_owner else None
    failing_s = 0.0 if closed else max(now_s - circuit.failing_since_s, LEAST_S)
    open_s = circuit.left_s(now_s) if opened else 0.0
    held_s, paced = health.held_s(now_s), allowance is not None
    return Finding(endpoint_id, version, failing_s, open_s, held_s, paced, told.per_s)


def _own_allowance(health: EndpointHealth) -> Allowance | None:
    """Return the limit that this worker has learnt from refusals of its own."""
    allowance = health.allowance
    return allowance if allowance is not None and allowance.is_own else None


def _pace_is_new(allowance: Allowance | None, told: Told, now_s: float, *, is_owner: bool) -> bool:
    """Return whether the others need to know of a limit, or to hear of it again."""
    if allowance is None:
        return False
    if allowance.refused_s != told.refused_s:
        return True
    if not is_owner or not allowance.takes_others(now_s):
        return False
    limit, known = allowance.ceiling_per_s, told.per_s
    changed = limit is not None and (known is None or abs(limit - known) > known * ALIKE)
    return changed or now_s - told.at_s >= REFRESH_S


class Heard:
    """Findings of other workers about one endpoint.

    Attributes:
        finding: the latest one.
        at_s: when it was made, monotonic seconds of this worker.
        worked_s: when the endpoint last worked for another worker.
        probed_s: when this worker last made a probe for that reason.
        believed_s: when this worker last believed that the endpoint fails.
        doubted_until_s: until then this worker relies on its own attempts.
    """

    __slots__ = ("at_s", "believed_s", "doubted_until_s", "finding", "probed_s", "worked_s")

    def __init__(self, finding: Finding, at_s: float) -> None:
        self.finding = finding
        self.at_s = at_s
        self.worked_s = self.probed_s = self.believed_s = self.doubted_until_s = NEVER_S

    def adopt(self, version: int, health: EndpointHealth, told: Told, now_s: float) -> None:
        """Let the health of an endpoint profit from the finding.

        Args:
            version: of the endpoint here; findings about another version say nothing.
            health: of the endpoint.
            told: receives that this worker knows better.
            now_s: monotonic seconds.
        """
        finding = self.finding
        if finding.version != version:
            return
        if finding.failing_s:
            self._adopt_failing(health, told, now_s)
        elif health.open:
            self._adopt_working(health, now_s)
        if finding.paced and (health.allowance is None or not health.allowance.is_own):
            health.believe_paced(finding.per_s, now_s)
            health.hold(min(self.at_s + finding.held_s - now_s, BELIEVED_S), now_s)

    def _adopt_working(self, health: EndpointHealth, now_s: float) -> None:
        is_news = self.worked_s > health.circuit.failing_since_s
        if is_news and now_s - self.probed_s >= PROBE_EVERY_S:
            self.probed_s = now_s
            health.believe_works(now_s)

    def _adopt_failing(self, health: EndpointHealth, told: Told, now_s: float) -> None:
        open_s = min(self.at_s + self.finding.open_s - now_s, BELIEVED_S)
        since_s = self.at_s - self.finding.failing_s
        if open_s <= 0 or self.worked_s > since_s or now_s < self.doubted_until_s:
            return
        if health.worked_s > since_s:
            told.refute(since_s)
            return
        if health.worked_s > self.believed_s > NEVER_S:
            # The last such finding was wrong, by an attempt that followed it.
            self.doubted_until_s, self.believed_s = now_s + KEPT_S, NEVER_S
            return
        if not health.open:
            self.believed_s = now_s
        health.believe_open(open_s, min(now_s - since_s, FAILING_MOST_S), now_s)


class HeardFindings:
    """Findings of other workers, by endpoint."""

    def __init__(self) -> None:
        self._heard: dict[str, Heard] = {}

    def find(self, endpoint_id: str, now_s: float) -> Heard | None:
        """Return what was heard of an endpoint lately."""
        heard = self._heard.get(endpoint_id)
        return None if heard is None or now_s - heard.at_s > KEPT_S else heard

    def doubt(self, endpoint_id: str, now_s: float) -> None:
        """Believe for a while no finding that an endpoint fails, because it works here."""
        heard = self._heard.get(endpoint_id)
        if heard is not None:
            heard.doubted_until_s = now_s + KEPT_S

    def hear(self, finding: Finding, at_s: float) -> Heard:
        """Keep a finding that another worker made at a time.

        Returns:
            What is known of its endpoint now.
        """
        heard = self._heard.pop(finding.endpoint_id, None)
        if heard is None:
            heard = Heard(finding, at_s)
        heard.finding, heard.at_s = finding, at_s
        if not finding.failing_s:
            heard.worked_s = at_s
        # The latest stands last, so that the first ones are the oldest.
        self._heard[finding.endpoint_id] = heard
        while len(self._heard) > MOST_KEPT:
            self._heard.pop(next(iter(self._heard)))
        return heard
