"""Decision about a delivery: pure, from the outcome of an attempt and the history.

| answer | decision |
|---|---|
| 2xx | `Delivered` |
| 410 | `Dead("gone")`, and the endpoint is stopped |
| 413, 415 | `Dead("rejected")`: the same body can't succeed |
| an answer that is final for this destination (`Judge`) | `Dead("rejected")` or `Dead("gone")` |
| a defect of our own (`Defect`) | `Retry` on the schedule, and `Dead("defect")` at its end |
| everything else | `Retry` on the schedule; `Retry-After` honored, never earlier |
| a literal address that is refused, a request that can't be written | `Dead` at once |
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

from plaudit.deliver.model.defects import Defect
from plaudit.deliver.model.delivery import History
from plaudit.deliver.model.retry_after import retry_after_ms
from plaudit.formats.shape import Judge, Refusal
from plaudit.records.delays import NOW, Delay
from plaudit.transport.answer import Answer
from plaudit.transport.errors import AddressRefused, RequestInvalid, TransportError

GRACE_MS: Final = 24 * 3_600_000
"""A delivery expires this long after its schedule would have ended."""
_GONE: Final = 410
_HOPELESS: Final = frozenset({413, 415})
_SUCCESS: Final = range(200, 300)
_MOST_ANSWER_BYTES: Final = 100


class Reason(StrEnum):
    """Stable codes of reasons, in the log and in dead letters."""

    STATUS = "status"
    GONE = "gone"
    REJECTED = "rejected"
    EXHAUSTED = "exhausted"
    EXPIRED = "expired"
    ADDRESS_REFUSED = "address_refused"
    REQUEST_INVALID = "request_invalid"
    ENDPOINT_DISABLED = "endpoint_disabled"
    ENDPOINT_DELETED = "endpoint_deleted"
    ENDPOINT_UNKNOWN = "endpoint_unknown"
    ENDPOINT_BEHIND = "endpoint_behind"
    NOT_WANTED = "not_wanted"
    ENDPOINT_UNREADABLE = "endpoint_unreadable"
    WRONG_WORKSPACE = "wrong_workspace"
    NOT_BEFORE = "not_before"
    RATE_LIMIT = "rate_limit"
    BACKLOG = "backlog"
    CIRCUIT_OPEN = "circuit_open"
    SLOW = "slow"
    THROTTLED = "throttled"
    REBALANCE = "rebalance"
    RELIEF = "relief"
    LOOK_UPS = "look_ups"
    WRITE_REFUSED = "write_refused"
    DEFECT = "defect"


@dataclass(frozen=True, slots=True)
class Delivered:
    """Answered 2xx."""


DELIVERED: Final = Delivered()


@dataclass(frozen=True, slots=True)
class Retry:
    """Attempt again from a tier.

    Attributes:
        tier: the tier of the next record.
        reason: stable code.
        not_before_ms: end of a `Retry-After` that is longer than the tier; None: the tier is long
            enough.
    """

    tier: Delay
    reason: str
    not_before_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Diverted:
    """Wait in a tier without an attempt.

    Attributes:
        tier: the tier of the next record.
        reason: stable code.
        send_at_ms: reserved send time, if deliveries arrive faster than the endpoint accepts them.
    """

    tier: Delay
    reason: str
    send_at_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Dead:
    """Move to the dead letters.

    Attributes:
        reason: stable code.
        detail: text for people.
    """

    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Dropped: its endpoint was deleted, or its filter refuses the event. Counted and logged."""

    reason: str


Decision: TypeAlias = "Delivered | Retry | Diverted | Dead | Cancelled"


@dataclass(frozen=True, slots=True)
class RetryPlan:
    """Delays between attempts, and the tiers for them.

    Attributes:
        schedule: delays before each attempt after the first.
        tiers: every delay that has a topic, shortest first.
    """

    schedule: tuple[Delay, ...]
    tiers: tuple[Delay, ...]

    def lifetime_ms(self, schedule: Sequence[Delay]) -> int:
        """Return the time from enqueueing until a delivery expires."""
        return sum(delay.millis for delay in schedule) + GRACE_MS

    def tier_for(self, wait_ms: int) -> Delay:
        """Return the shortest tier that is at least as long as `wait_ms`, or the longest."""
        return next((tier for tier in self.tiers if tier.millis >= wait_ms), self.tiers[-1])

    def tier_within(self, wait_ms: int) -> Delay:
        """Return the longest tier within `wait_ms`, or the shortest."""
        return max((t for t in self.tiers if t.millis <= wait_ms), default=self.tiers[0])

    def diversion(self, history: History) -> Delay:
        """Return the tier of the next diversion in a row: first `now`, then tier after tier."""
        if not history.diversions:
            return NOW
        return self.tier_for(history.waited_ms + 1)


def decide(
    outcome: Answer | TransportError,
    history: History,
    plan: RetryPlan,
    schedule: Sequence[Delay],
    now_ms: int,
    judge: Judge | None = None,
) -> Decision:
    """Return the decision about a delivery after an HTTP attempt.

    Args:
        outcome: the response, or the error in its place.
        history: the delivery's history before this attempt.
        plan: the tiers.
        schedule: the endpoint's own, or the plan's.
        now_ms: epoch milliseconds.
        judge: classifies the answers of this kind of destination.
    """
    if judge is None and isinstance(outcome, Answer) and outcome.status in _SUCCESS:
        return DELIVERED
    final = _final(outcome) if judge is None else _judged(outcome, judge)
    if final is not None:
        return final
    reason = Reason.STATUS if isinstance(outcome, Answer) else outcome.code
    if history.attempts >= len(schedule):
        end = f"gave up after {history.attempts + 1} attempts; the last {_result(outcome)}"
        return _at_schedule_end(outcome, Dead(Reason.EXHAUSTED, end))
    wait_ms = schedule[history.attempts].millis
    if isinstance(outcome, Answer):
        wait_ms = max(wait_ms, retry_after_ms(outcome, now_ms))
    expires_at_ms = history.enqueued_at_ms + plan.lifetime_ms(schedule)
    if now_ms + wait_ms > expires_at_ms:
        end = f"expired before its next attempt; the last {_result(outcome)}"
        return _at_schedule_end(outcome, Dead(Reason.EXPIRED, end))
    tier = plan.tier_for(wait_ms)
    return Retry(tier, reason, now_ms + wait_ms if wait_ms > tier.millis else None)


def _result(outcome: Answer | TransportError) -> str:
    """Return the result of the last attempt as the end of a sentence."""
    if isinstance(outcome, Answer):
        return f"answer was HTTP {outcome.status}"
    return f"attempt failed: {outcome.code}"


def _at_schedule_end(outcome: Answer | TransportError, end: Dead) -> Dead:
    """Return the end of a schedule; after a defect, with its description."""
    if not isinstance(outcome, Defect):
        return end
    return Dead(Reason.DEFECT, f"{end.detail}; {outcome}")


def _final(outcome: Answer | TransportError) -> Decision | None:
    """Return the decision where the schedule does not matter."""
    match outcome:
        case Answer(status=status) if status in _SUCCESS:
            return DELIVERED
        case Answer(status=status) if status == _GONE:
            return Dead(Reason.GONE, "the endpoint answered 410")
        case Answer(status=status) if status in _HOPELESS:
            return Dead(Reason.REJECTED, f"the endpoint answered {status}")
        case AddressRefused(literal=True):
            return Dead(Reason.ADDRESS_REFUSED, str(outcome))
        case RequestInvalid():
            return Dead(Reason.REQUEST_INVALID, str(outcome))
    return None


def _judged(outcome: Answer | TransportError, judge: Judge) -> Decision | None:
    """Return the decision where a destination's own answer is final."""
    refusal = judge(outcome.status) if isinstance(outcome, Answer) else None
    if refusal is None or not isinstance(outcome, Answer):
        return _final(outcome)
    said = outcome.snippet[:_MOST_ANSWER_BYTES].decode("utf-8", "replace").strip()
    reason = Reason.GONE if refusal is Refusal.GONE else Reason.REJECTED
    return Dead(reason, f"the endpoint answered {outcome.status} {said}".rstrip())


def divert(
    history: History, plan: RetryPlan, reason: str, now_ms: int, *, wait_ms: int = 0
) -> Decision:
    """Return the tier of a delivery that can't be attempted now, or `Dead` if it has expired.

    Each diversion in a row waits longer, to save work, but none waits for longer than the
    delivery's age. So a backlog returns within the length of the outage.

    Args:
        history: the delivery's history.
        plan: the tiers.
        reason: why it can't be attempted.
        now_ms: epoch milliseconds.
        wait_ms: time within which an attempt is useless; 0: unknown.
    """
    if (dead := _at_its_end(history, plan, reason, now_ms)) is not None:
        return dead
    tier = plan.diversion(history)
    if history.diversions:
        tier = min(tier, plan.tier_within(now_ms - history.enqueued_at_ms))
    return Diverted(max(tier, plan.tier_for(wait_ms)) if wait_ms else tier, reason)


def insists(history: History, schedule: Sequence[Delay], now_ms: int) -> bool:
    """Return whether a delivery is attempted although its endpoint's circuit is open.

    A short schedule must end soon: after twice its length, a delivery gets its remaining attempts.
    A schedule of days expires before that.
    """
    return now_ms > history.enqueued_at_ms + 2 * sum(delay.millis for delay in schedule)


def await_send_time(
    history: History, plan: RetryPlan, reason: str, now_ms: int, *, send_at_ms: int
) -> Decision:
    """Return the tier in which a delivery waits for its reserved send time.

    The tier ends before that time, and the delivery waits again until the time is near. So the
    endpoint receives requests without a pause, and earlier waits do not prolong later ones. If the
    time is nearer than the shortest tier, a first diversion goes to the deliveries lane at once.
    """
    if (dead := _at_its_end(history, plan, reason, now_ms)) is not None:
        return dead
    left_ms = send_at_ms - now_ms
    at_once = not history.diversions and left_ms < plan.tiers[0].millis
    return Diverted(NOW if at_once else plan.tier_within(left_ms), reason, send_at_ms)


def _at_its_end(history: History, plan: RetryPlan, reason: str, now_ms: int) -> Dead | None:
    if now_ms > history.enqueued_at_ms + plan.lifetime_ms(plan.schedule):
        return Dead(Reason.EXPIRED, f"diverted until its end; last: {reason}")
    return None


def wait_on(history: History, plan: RetryPlan, now_ms: int) -> Diverted | None:
    """Return the tier in which a delivery waits for a `Retry-After` longer than any tier."""
    left_ms = (history.not_before_ms or 0) - now_ms
    if left_ms <= 0:
        return None
    return Diverted(plan.tier_for(left_ms), Reason.NOT_BEFORE)
