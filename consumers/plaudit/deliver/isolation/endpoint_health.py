"""What recent attempts say of an endpoint: does it answer, how fast, did it ask to wait. Pure.

Three things keep deliveries from it, and each ends by itself: an open circuit, the time that it
asked for with `Retry-After`, and, in the events lane, slowness.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from plaudit.deliver.isolation.allowance import Allowance
from plaudit.deliver.isolation.bookings import NEAR_S
from plaudit.deliver.isolation.circuit_breaker import CLOSED, Breaker, BreakerLimits
from plaudit.deliver.isolation.concurrency import Concurrency
from plaudit.deliver.model.decision import Reason
from plaudit.deliver.model.defects import Defect
from plaudit.deliver.model.quota import Quota, quota
from plaudit.deliver.model.retry_after import retry_after_ms
from plaudit.transport.answer import Answer
from plaudit.transport.errors import (
    AddressRefused,
    LookUpsBusy,
    RequestInvalid,
    TransportError,
)

CIRCUIT: Final = BreakerLimits(failures=10, recoveries=1, first_s=2.0, most_s=300.0, share=1 / 40)
"""Ten failures in a row open it for 2 s, and again for a fortieth of the time that the endpoint is
away, 5 min at most: so it is seen to be back within a fortieth of its outage."""
FIRST_AT_ONCE: Final = 4
"""Requests at once to an endpoint that is back; one more with each success, so that their number
doubles with each round trip."""
ENOUGH_AT_ONCE: Final = 64
"""From here on it is served as any other."""
MANY_AT_ONCE: Final = 10_000
"""More than any endpoint gets at once: it is not starting slowly."""
PACE: Final = BreakerLimits(failures=1, recoveries=3, first_s=30.0, most_s=300.0)
"""Slow for 30 s, 60 s … 5 min, until three trials in a row were quick."""
SLOW_S: Final = 2.0
"""An endpoint whose answers take longer on average, or one that gives none for so long, is slow."""
QUICK_S: Final = 1.0
"""A slow endpoint is quick again when its trials take no longer: half, so that it does not flap."""
WEIGHT: Final = 0.2
"""Of the latest answer in the average: about the last ten count."""
LONGEST_S: Final = 8.0
"""Longer counts as this: one time-out among quick answers makes no endpoint slow, two do."""
HOLD_MOST_S: Final = 3_600.0
"""No `Retry-After` holds an endpoint back for longer, whatever it says of one delivery."""
_TOO_MANY: Final = 429
_UNAVAILABLE: Final = 503
_SERVER_ERRORS: Final = range(500, 600)


class Permit(NamedTuple):
    """Leave for one attempt, by the generations of the two breakers."""

    circuit: int
    pace: int


class Refusal(NamedTuple):
    """Why a delivery is not attempted here and now.

    Attributes:
        reason: stable code.
        wait_s: it is of no use to come back before; 0: nothing is known.
        turn_at_ms: it was told this turn (see `turns`), in epoch milliseconds.
    """

    reason: Reason
    wait_s: float = 0.0
    turn_at_ms: int | None = None


_SLOW: Final = Refusal(Reason.SLOW)
_THROTTLED: Final = Refusal(Reason.THROTTLED)


class EndpointHealth:
    """Of one endpoint, in one worker; its lanes share it.

    Attributes:
        mean_s: how long recent attempts took on average; None before the first.
        at_once: requests that it may have at once from a lane; few after an outage.
        quickest_s: how long its quickest answer took.
        allowance: how many a second it takes; None: it has not refused any.
        concurrency: how many requests at once it takes best; None: that was never in question.
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
    )

    def __init__(self) -> None:
        self.mean_s: float | None = None
        self.quickest_s = LONGEST_S
        self.at_once = MANY_AT_ONCE
        self.allowance: Allowance | None = None
        self.concurrency: Concurrency | None = None
        self._circuit = Breaker(CIRCUIT)
        self._pace = Breaker(PACE)
        self._held_until_s = 0.0
        # Both breakers are closed, as they mostly are: then every attempt has the same permit.
        self._well = True
        self._usual = self._permit(0.0)

    def refusal(self, now_s: float, *, serves_slow: bool) -> Refusal | None:
        """Return why nothing may be sent to it now; None when it may."""
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
            # One lane, where it has one owner, keeps its pace.
            return _THROTTLED
        return _SLOW if self._pace.refuses(now_s) else None

    def permit(self, now_s: float) -> Permit:
        """Return leave for one attempt; only when there is no refusal."""
        return self._usual if self._well else self._permit(now_s)

    def _permit(self, now_s: float) -> Permit:
        circuit, pace = self._circuit.permit(now_s), self._pace.permit(now_s)
        # A lane that serves slow endpoints goes on beside the trial: it says nothing about pace.
        return Permit(-1 if circuit is None else circuit, -1 if pace is None else pace)

    def report(
        self,
        permit: Permit,
        outcome: Answer | TransportError,
        took_s: float,
        now_s: float,
        slack_s: float = 0.0,
    ) -> None:
        """Take what came of an attempt.

        Args:
            permit: its own.
            outcome: the answer, or why there is none.
            took_s: from its begin to its end.
            now_s: monotonic seconds.
            slack_s: what of that is not the endpoint's doing.
        """
        reached = answers(outcome)
        was_open = self.open
        self._circuit.report(permit.circuit, reached, now_s)
        if was_open and not self.open:
            self.at_once = FIRST_AT_ONCE
        elif self.at_once != MANY_AT_ONCE:
            self._start_slowly(reached)
        if reached:
            self.quickest_s = min(self.quickest_s, took_s)
            if self.allowance is not None:
                self.allowance.delivered(now_s)
        if reached is not None:
            self._paced(permit.pace, took_s, now_s, slack_s)
        self._look(now_s)

    def refused(self, permit: Permit, began_s: float, asked_s: float, now_s: float) -> None:
        """Take a refusal: the endpoint is there, and asks for a slower pace.

        Args:
            permit: of the attempt.
            began_s: when it was sent.
            asked_s: the `Retry-After`; 0: none.
            now_s: monotonic seconds.
        """
        was_open = self.open
        self._circuit.report(permit.circuit, success=True, now_s=now_s)
        self._pace.report(permit.pace, None, now_s)
        if was_open and not self.open:
            self.at_once = FIRST_AT_ONCE
        if self.allowance is None:
            self.allowance = Allowance(now_s)
        self.hold(self.allowance.refused(began_s, asked_s, now_s), now_s)
        self._look(now_s)

    def allowed_per_s(self, now_s: float) -> float | None:
        """Return how many requests a second it gets; None: as many as there are."""
        if self.allowance is not None and self.allowance.outgrown(now_s):
            self.allowance = None
            self._look(now_s)
        return None if self.allowance is None else self.allowance.per_s(now_s)

    def keeps_place(self, now_s: float) -> bool:
        """Return whether a delivery that it refuses lost nothing but time: it takes others."""
        return self.allowance is not None and self.allowance.takes_others(now_s)

    def held_s(self, now_s: float) -> float:
        """Return for how long it asks that nothing is sent."""
        return max(0.0, self._held_until_s - now_s)

    def drop(self, permit: Permit) -> None:
        """Take back the permit of an attempt of which nothing is known, for a defect of ours."""
        self._circuit.report(permit.circuit, None, 0.0)
        self._pace.report(permit.pace, None, 0.0)

    def _start_slowly(self, reached: bool | None) -> None:  # noqa: FBT001 - as a breaker's report
        if reached:
            more = self.at_once + 1
            self.at_once = more if more < ENOUGH_AT_ONCE else MANY_AT_ONCE
        elif reached is not None:
            self.at_once = max(1, self.at_once // 2)

    def hold(self, hold_s: float, now_s: float) -> None:
        """Send nothing for a while: the endpoint asked for it."""
        self._held_until_s = max(self._held_until_s, now_s + min(hold_s, HOLD_MOST_S))

    def heed(self, left: Quota | None, began_s: float, at_once: int, now_s: float) -> None:
        """Send nothing more than the endpoint says it takes before its quota is renewed.

        Args:
            left: of its quota, as an answer tells that is not a refusal.
            began_s: when the request of that answer was sent.
            at_once: requests that are on their way, which its count does not include yet.
            now_s: monotonic seconds.
        """
        if left is None or left.remaining > at_once or not left.reset_ms:
            return
        renewed_s = min(left.reset_ms / 1_000, HOLD_MOST_S)
        if self.allowance is None:
            self.allowance = Allowance(now_s)
        self.allowance.used_up(began_s, renewed_s, now_s)
        self.hold(renewed_s, now_s)
        self._look(now_s)

    def learn(self, most: int, took_s: float, now_s: float, *, waiting: bool) -> None:
        """Learn from an answer how many requests at once the endpoint takes best.

        Args:
            most: requests that a lane may have at once.
            took_s: how long the answer took.
            now_s: monotonic seconds.
            waiting: whether deliveries waited for a slot.
        """
        if self.concurrency is None:
            self.concurrency = Concurrency(most, now_s)
        self.concurrency.answered(took_s, self.quickest_s, now_s, waiting=waiting)

    def slow_down(self, now_s: float) -> None:
        """Count it as slow: an attempt was cancelled, or answers stay away."""
        self._pace.trip(now_s)
        self._look(now_s)

    @property
    def open(self) -> bool:
        """Whether its circuit is open, a probe under way included."""
        return self._circuit.state is not CLOSED

    @property
    def slow(self) -> bool:
        """Whether it counts as slow, trials under way included."""
        return self._pace.state is not CLOSED

    def pristine(self, now_s: float) -> bool:
        """Return whether nothing is known that must be remembered."""
        pristine = self._circuit.pristine and self._pace.pristine
        return pristine and self.allowance is None and now_s >= self._held_until_s

    def _look(self, now_s: float) -> None:
        """Take note of whether both breakers are closed; a permit is of its time only."""
        well = self._circuit.state is CLOSED is self._pace.state and self.allowance is None
        if well and not self._well:
            self._usual = self._permit(now_s)
        self._well = well

    def _paced(self, permit: int, took_s: float, now_s: float, slack_s: float) -> None:
        if self.slow:
            self._pace.report(permit, took_s - slack_s <= QUICK_S, now_s)
            if not self.slow:
                self.mean_s = took_s
            return
        sample_s = min(took_s, LONGEST_S)
        mean_s = sample_s if self.mean_s is None else self.mean_s
        self.mean_s = mean_s + (sample_s - mean_s) * WEIGHT
        self._pace.report(permit, self.mean_s - slack_s <= SLOW_S, now_s)


def answers(outcome: Answer | TransportError) -> bool | None:
    """Return whether an attempt shows that the endpoint works; None: it shows nothing.

    5xx and 429 don't, nor does what ended without an answer. Every other status comes from an
    endpoint that is there: a 413 is about one body, a 404 costs nobody time.
    """
    match outcome:
        case Answer(status=status):
            return status not in _SERVER_ERRORS and status != _TOO_MANY
        case AddressRefused(literal=True) | RequestInvalid() | LookUpsBusy():
            return None
        case _:
            # A defect of ours says nothing about the endpoint.
            return None if isinstance(outcome, Defect) else False


def is_refused(outcome: Answer | TransportError, hold_s: float) -> bool:
    """Return whether an endpoint asks for a slower pace: 429, or 503 with `Retry-After`."""
    if not isinstance(outcome, Answer):
        return False
    return outcome.status == _TOO_MANY or (outcome.status == _UNAVAILABLE and hold_s > 0)


def hold_s(outcome: Answer | TransportError, now_ms: int) -> float:
    """Return how long an endpoint asks that nothing is sent.

    429 and 503 ask so with `Retry-After`, or with a quota that is used up.
    """
    if not isinstance(outcome, Answer) or outcome.status not in {_TOO_MANY, _UNAVAILABLE}:
        return 0.0
    asked_ms = retry_after_ms(outcome, now_ms)
    if not asked_ms and (left := quota(outcome, now_ms)) is not None and not left.remaining:
        asked_ms = left.reset_ms
    return asked_ms / 1_000
