"""Endpoint health, from recent attempts: circuit, speed, and requested pauses. Pure.

Three conditions keep deliveries from an endpoint, and each ends by itself: an open circuit, the
time that the endpoint asked for with `Retry-After`, and, in the events lane, slowness.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from plaudit.deliver.isolation.allowance import Allowance
from plaudit.deliver.isolation.answers import answers
from plaudit.deliver.isolation.bookings import NEAR_S
from plaudit.deliver.isolation.circuit_breaker import CLOSED, Breaker, BreakerLimits
from plaudit.deliver.isolation.concurrency import Concurrency
from plaudit.deliver.model.decision import Reason
from plaudit.deliver.model.quota import Quota
from plaudit.transport.answer import Answer
from plaudit.transport.errors import TransportError

CIRCUIT: Final = BreakerLimits(failures=10, recoveries=1, first_s=2.0, most_s=300.0, share=1 / 40)
"""Ten failures in a row open the circuit for 2 s. Each further opening lasts a fortieth of the
outage until then, 5 min at most. So the worker notices the end of an outage within a fortieth of
its duration."""
FIRST_AT_ONCE: Final = 4
"""Concurrent requests to a recovered endpoint. Each success adds one, so that the number doubles
with each round trip."""
ENOUGH_AT_ONCE: Final = 64
"""At this number of concurrent requests the slow start ends."""
MANY_AT_ONCE: Final = 10_000
"""A limit that no endpoint reaches: no slow start."""
PACE: Final = BreakerLimits(failures=1, recoveries=3, first_s=30.0, most_s=300.0)
"""Slow for 30 s, 60 s … 5 min, until three probes in a row were quick."""
SLOW_S: Final = 2.0
"""An endpoint is slow if its answers take longer on average, or if it does not answer for this
time."""
QUICK_S: Final = 1.0
"""A slow endpoint is quick again when its probes take at most this: half, to avoid flapping."""
WEIGHT: Final = 0.2
"""Weight of the latest answer in the average: about the last ten count."""
LONGEST_S: Final = 8.0
"""Longer durations count as this: one time-out among quick answers does not make it slow, two
do."""
HOLD_MOST_S: Final = 3_600.0
"""Maximum pause of an endpoint by `Retry-After`; a single delivery may wait longer."""
NEVER_S: Final = float("-inf")


class Permit(NamedTuple):
    """Permission for one attempt: the generations of the two breakers."""

    circuit: int
    pace: int


class Refusal(NamedTuple):
    """Reason against an attempt now.

    Attributes:
        reason: stable code.
        wait_s: seconds within which a return is useless; 0: unknown.
        send_at_ms: reserved send time, in epoch milliseconds (see `bookings`).
    """

    reason: Reason
    wait_s: float = 0.0
    send_at_ms: int | None = None


_FIRST_PERMIT: Final = Permit(0, 0)
"""The permit of a new endpoint, one object for all."""
_NEW_CIRCUIT: Final = Breaker(CIRCUIT)
_NEW_PACE: Final = Breaker(PACE)
"""Breakers of all endpoints that have never failed: they save 240 bytes for each. A success does
not change them."""
_SLOW: Final = Refusal(Reason.SLOW)
_THROTTLED: Final = Refusal(Reason.THROTTLED)


class EndpointHealth:
    """Health of one endpoint in one worker, shared by its lanes.

    Attributes:
        mean_s: mean duration of recent attempts; None before the first.
        at_once: maximum concurrent requests of a lane; few after an outage.
        quickest_s: duration of the quickest answer.
        worked_s: when the endpoint last showed that it works.
        allowance: learnt rate limit; None: the endpoint has not refused a request.
        concurrency: learnt concurrency limit; None: none was needed.
    """

    __slots__ = (
        "_circuit",
        "_held_until_s",
        "_pace",
        "_usual",
        "_well",
        "allowance",
        "at_once",
        "concurrency",
        "mean_s",
        "quickest_s",
        "worked_s",
    )

    def __init__(self) -> None:
        self.mean_s: float | None = None
        self.quickest_s = LONGEST_S
        self.worked_s = NEVER_S
        self.at_once = MANY_AT_ONCE
        self.allowance: Allowance | None = None
        self.concurrency: Concurrency | None = None
        self._circuit = _NEW_CIRCUIT
        self._pace = _NEW_PACE
        self._held_until_s = 0.0
        # Usually both breakers are closed: then all attempts share one permit.
        self._well = True
        self._usual = _FIRST_PERMIT

    def refusal(self, now_s: float, *, serves_slow: bool) -> Refusal | None:
        """Return the reason against sending now; None if there is none."""
        if self._well and now_s >= self._held_until_s:
            return None
        held_s = self.held_s(now_s)
        if held_s and (self.allowance is None or held_s > NEAR_S):
            return Refusal(Reason.THROTTLED, held_s)
        if self._circuit.refuses(now_s):
            return Refusal(Reason.CIRCUIT_OPEN, self._circuit.left_s(now_s))
        if serves_slow:
            return None
        if self.allowance is not None:
            # Only the lane in which an endpoint has one owner keeps its pace.
            return _THROTTLED
        return _SLOW if self._pace.refuses(now_s) else None

    def permit(self, now_s: float) -> Permit:
        """Return the permit for one attempt; call it only if `refusal` returns None."""
        return self._usual if self._well else self._permit(now_s)

    def _permit(self, now_s: float) -> Permit:
        circuit, pace = self._circuit.permit(now_s), self._pace.permit(now_s)
        # A lane that serves slow endpoints continues during the probe, and its attempts do not
        # count as probes.
        return Permit(-1 if circuit is None else circuit, -1 if pace is None else pace)

    def report(
        self,
        permit: Permit,
        outcome: Answer | TransportError,
        took_s: float,
        now_s: float,
        slack_s: float = 0.0,
    ) -> None:
        """Learn from the outcome of an attempt.

        Args:
            permit: the attempt's permit.
            outcome: the answer, or the error in its place.
            took_s: the attempt's duration.
            now_s: monotonic seconds.
            slack_s: part of the duration that the worker itself caused.
        """
        reached = answers(outcome)
        was_open = self.open
        circuit = self._own_circuit() if reached is False else self._circuit
        circuit.report(permit.circuit, reached, now_s)
        if was_open and not self.open:
            self.at_once = FIRST_AT_ONCE
        elif self.at_once != MANY_AT_ONCE:
            self._start_slowly(reached)
        if reached:
            self.worked_s = now_s
            self.quickest_s = min(self.quickest_s, took_s)
            if self.allowance is not None:
                self.allowance.delivered(now_s)
        if reached is not None:
            self._paced(permit.pace, took_s, now_s, slack_s)
        self._update(now_s)

    def refused(self, permit: Permit, began_s: float, asked_s: float, now_s: float) -> None:
        """Learn from a refusal: the endpoint works, and asks for a slower pace.

        Args:
            permit: the attempt's permit.
            began_s: when the request was sent.
            asked_s: the `Retry-After`; 0: none.
            now_s: monotonic seconds.
        """
        was_open = self.open
        self.worked_s = now_s
        self._circuit.report(permit.circuit, success=True, now_s=now_s)
        self._pace.report(permit.pace, None, now_s)
        if was_open and not self.open:
            self.at_once = FIRST_AT_ONCE
        if self.allowance is None:
            self.allowance = Allowance(now_s)
        self.hold(self.allowance.refused(began_s, asked_s, now_s), now_s)
        self._update(now_s)

    def open_on_report(self, open_s: float, failing_s: float, now_s: float) -> None:
        """Open the circuit, because another worker reports failures."""
        self._own_circuit().open_on_report(open_s, failing_s, now_s)
        self._update(now_s)

    def probe_on_report(self, now_s: float) -> None:
        """Probe an open circuit at once, because the endpoint works for another worker."""
        self._circuit.expire(now_s)

    def pace_on_report(self, per_s: float | None, now_s: float) -> None:
        """Limit the rate, because another worker was refused."""
        self.allowance = Allowance(now_s, per_s)
        self._update(now_s)

    def allowed_per_s(self, now_s: float) -> float | None:
        """Return the endpoint's rate limit per second; None: no limit."""
        if self.allowance is not None and self.allowance.outgrown(now_s):
            self.allowance = None
            self._update(now_s)
        return None if self.allowance is None else self.allowance.per_s(now_s)

    def keeps_place(self, now_s: float) -> bool:
        """Return whether a refused delivery only waits, because the endpoint accepts others."""
        return self.allowance is not None and self.allowance.takes_others(now_s)

    def held_s(self, now_s: float) -> float:
        """Return the remaining seconds of a pause that the endpoint asked for."""
        return max(0.0, self._held_until_s - now_s)

    def drop(self, permit: Permit) -> None:
        """Return the permit of an attempt whose outcome a defect has lost."""
        self._circuit.report(permit.circuit, None, 0.0)
        self._pace.report(permit.pace, None, 0.0)

    def _start_slowly(self, reached: bool | None) -> None:  # noqa: FBT001 - as a breaker's report
        if reached:
            more = self.at_once + 1
            self.at_once = more if more < ENOUGH_AT_ONCE else MANY_AT_ONCE
        elif reached is not None:
            self.at_once = max(1, self.at_once // 2)

    def hold(self, hold_s: float, now_s: float) -> None:
        """Send nothing for the time that the endpoint asked for."""
        self._held_until_s = max(self._held_until_s, now_s + min(hold_s, HOLD_MOST_S))

    def note_quota(self, left: Quota | None, began_s: float, at_once: int, now_s: float) -> None:
        """Pause when the endpoint's quota is used up, until it is renewed.

        Args:
            left: remaining quota, from an answer that is not a refusal.
            began_s: when the request of that answer was sent.
            at_once: requests in flight, which the quota does not include yet.
            now_s: monotonic seconds.
        """
        if left is None or left.remaining > at_once or not left.reset_ms:
            return
        renewed_s = min(left.reset_ms / 1_000, HOLD_MOST_S)
        if self.allowance is None:
            self.allowance = Allowance(now_s)
        self.allowance.used_up(began_s, renewed_s, now_s)
        self.hold(renewed_s, now_s)
        self._update(now_s)

    def learn(self, most: int, took_s: float, now_s: float, *, waiting: bool) -> None:
        """Learn the concurrency limit from an answer.

        Args:
            most: upper bound for a lane.
            took_s: duration of the answer.
            now_s: monotonic seconds.
            waiting: whether deliveries waited for a slot.
        """
        if self.concurrency is None:
            self.concurrency = Concurrency(most, now_s)
        self.concurrency.answered(took_s, self.quickest_s, now_s, waiting=waiting)

    def slow_down(self, now_s: float) -> None:
        """Count the endpoint as slow: an attempt was evicted, or answers are missing."""
        self._own_pace().trip(now_s)
        self._update(now_s)

    @property
    def open(self) -> bool:
        """Whether the circuit is open or half-open."""
        return self._circuit.state is not CLOSED

    @property
    def is_untroubled(self) -> bool:
        """Whether both circuits are closed, and the endpoint has not refused a request."""
        return self._well

    @property
    def circuit(self) -> Breaker:
        """The circuit; callers only read it."""
        return self._circuit

    @property
    def slow(self) -> bool:
        """Whether the endpoint counts as slow, also during probes."""
        return self._pace.state is not CLOSED

    def pristine(self, now_s: float) -> bool:
        """Return whether the state equals that of a new endpoint."""
        pristine = self._circuit.pristine and self._pace.pristine
        return pristine and self.allowance is None and now_s >= self._held_until_s

    def _update(self, now_s: float) -> None:
        """Update whether both breakers are closed; a permit holds for one generation."""
        is_untroubled = self._circuit.state is CLOSED is self._pace.state and self.allowance is None
        if is_untroubled and not self._well:
            self._usual = self._permit(now_s)
        self._well = is_untroubled

    def _paced(self, permit: int, took_s: float, now_s: float, slack_s: float) -> None:
        if self.slow:
            self._pace.report(permit, took_s - slack_s <= QUICK_S, now_s)
            if not self.slow:
                self.mean_s = took_s
            return
        sample_s = min(took_s, LONGEST_S)
        mean_s = sample_s if self.mean_s is None else self.mean_s
        self.mean_s = mean_s + (sample_s - mean_s) * WEIGHT
        quick = self.mean_s - slack_s <= SLOW_S
        pace = self._pace if quick else self._own_pace()
        pace.report(permit, quick, now_s)

    def _own_circuit(self) -> Breaker:
        """Return the circuit, to note a failure."""
        if self._circuit is _NEW_CIRCUIT:
            self._circuit = Breaker(CIRCUIT)
        return self._circuit

    def _own_pace(self) -> Breaker:
        """Return the breaker of the pace, to note a failure."""
        if self._pace is _NEW_PACE:
            self._pace = Breaker(PACE)
        return self._pace
