"""The outcome of a delivery, exhaustively over answers and errors."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaudit.deliver.model.decision import (
    GRACE_MS,
    Dead,
    Delivered,
    Diverted,
    Reason,
    Retry,
    RetryPlan,
    await_send_time,
    decide,
    divert,
    insists,
    wait_on,
)
from plaudit.deliver.model.delivery import History
from plaudit.formats.slack import judge
from plaudit.kafka.settings import DEFAULT_SCHEDULE
from plaudit.records.delays import NOW, parse_delays
from plaudit.records.names import Trigger
from plaudit.transport import errors
from plaudit.transport.answer import NO_TIMINGS, Answer
from transport.altered import altered

PLAN = RetryPlan(parse_delays("5s,5m"), parse_delays("5s,30s,5m,1h"))
T0 = 1_764_000_000_000


def answer(status: int, **headers: str) -> Answer:
    pairs = tuple(
        (name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()
    )
    return Answer(status, pairs, b"", truncated=False, timings=NO_TIMINGS, bytes_sent=1)


def history(attempts: int = 0, *, diversions: int = 0, enqueued_at_ms: int = T0) -> History:
    return History(Trigger.EVENT, attempts, diversions, 0, enqueued_at_ms)


@pytest.mark.parametrize("status", range(200, 600))
def test_every_status_has_its_decision(status: int) -> None:
    decision = decide(answer(status), history(), PLAN, PLAN.schedule, T0)
    if status < 300:
        assert decision == Delivered()
    elif status == 410:
        assert isinstance(decision, Dead)
        assert decision.reason == Reason.GONE
    elif status in {413, 415}:
        assert isinstance(decision, Dead)
        assert decision.reason == Reason.REJECTED
    else:
        assert decision == Retry(PLAN.schedule[0], Reason.STATUS)


ALL_ERRORS = [
    errors.DnsFailed(),
    errors.DnsTimeout(),
    errors.ConnectFailed(),
    errors.ConnectTimeout(),
    errors.ProxyRefused(),
    errors.TlsFailed(),
    errors.TlsTimeout(),
    errors.WriteFailed(),
    errors.WriteTimeout(),
    errors.FirstByteTimeout(),
    errors.ConnectionLost(),
    errors.AnswerMalformed(),
    errors.TotalTimeout(phase="answer", sent=True),
    errors.AddressRefused("intern.example", "private", literal=False, address="10.0.0.1"),
]


@pytest.mark.parametrize("error", ALL_ERRORS, ids=lambda error: error.code)
def test_a_transient_failure_is_retried(error: errors.TransportError) -> None:
    decision = decide(error, history(1), PLAN, PLAN.schedule, T0)
    assert decision == Retry(PLAN.schedule[1], error.code)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (errors.AddressRefused("10.0.0.1", "private", literal=True), Reason.ADDRESS_REFUSED),
        (errors.RequestInvalid("a header"), Reason.REQUEST_INVALID),
    ],
)
def test_a_permanent_failure_is_a_dead_letter_at_once(
    error: errors.TransportError, reason: Reason
) -> None:
    decision = decide(error, history(), PLAN, PLAN.schedule, T0)
    assert isinstance(decision, Dead)
    assert decision.reason == reason


def test_after_the_last_attempt_of_the_schedule_it_is_exhausted() -> None:
    decision = decide(answer(500), history(2), PLAN, PLAN.schedule, T0)
    assert isinstance(decision, Dead)
    assert decision.reason == Reason.EXHAUSTED
    assert "3 attempts" in decision.detail


def test_an_endpoints_own_schedule_has_priority_over_the_plans() -> None:
    own = parse_delays("1h")
    assert decide(answer(500), history(), PLAN, own, T0) == Retry(own[0], Reason.STATUS)
    assert isinstance(decide(answer(500), history(1), PLAN, own, T0), Dead)


def test_a_delay_without_a_tier_uses_the_next_longer_one() -> None:
    decision = decide(answer(500), history(), PLAN, parse_delays("10s"), T0)
    assert decision == Retry(PLAN.tiers[1], Reason.STATUS)


@given(seconds=st.integers(0, 4 * 86_400), attempts=st.integers(0, 1))
def test_retry_after_is_never_early(seconds: int, attempts: int) -> None:
    outcome = answer(429, retry_after=str(seconds))
    decision = decide(outcome, history(attempts), PLAN, PLAN.schedule, T0)
    if isinstance(decision, Dead):
        assert decision.reason == Reason.EXPIRED
        assert seconds * 1_000 > GRACE_MS
        return
    assert isinstance(decision, Retry)
    wait_ms = max(seconds * 1_000, PLAN.schedule[attempts].millis)
    due_ms = T0 + decision.tier.millis
    assert due_ms >= T0 + wait_ms or decision.not_before_ms == T0 + wait_ms


def test_retry_after_beyond_the_longest_tier_waits_again_until_then() -> None:
    decision = decide(answer(503, retry_after="9000"), history(), PLAN, PLAN.schedule, T0)
    assert isinstance(decision, Retry)
    assert decision.tier == PLAN.tiers[-1]
    until = T0 + 9_000_000
    assert decision.not_before_ms == until
    waiting = History(Trigger.RETRY, 1, 0, 0, T0, not_before_ms=until)
    assert wait_on(waiting, PLAN, T0 + 3_600_000) == Diverted(PLAN.tiers[-1], Reason.NOT_BEFORE)
    assert wait_on(waiting, PLAN, until - 20_000) == Diverted(PLAN.tiers[1], Reason.NOT_BEFORE)
    assert wait_on(waiting, PLAN, until) is None


def test_diversions_climb_from_now_over_all_tiers_and_stay_on_the_last() -> None:
    climbed = [NOW]
    for count in range(1, 7):
        past = History(Trigger.EVENT, 0, count, 0, T0, waited_ms=climbed[-1].millis)
        decision = divert(past, PLAN, Reason.BACKLOG, T0 + PLAN.tiers[-1].millis)
        assert isinstance(decision, Diverted)
        climbed.append(decision.tier)
    assert divert(history(), PLAN, Reason.BACKLOG, T0) == Diverted(NOW, Reason.BACKLOG)
    assert climbed == [NOW, *PLAN.tiers, PLAN.tiers[-1], PLAN.tiers[-1]]


@given(st.integers(0, 4_000_000), st.integers(0, 10_000_000))
def test_no_diversion_is_longer_than_a_delivery_is_old(waited_ms: int, age_ms: int) -> None:
    past = History(Trigger.EVENT, 0, 3, 0, T0, waited_ms=waited_ms)
    decision = divert(past, PLAN, Reason.CIRCUIT_OPEN, T0 + age_ms)
    assert isinstance(decision, Diverted)
    assert decision.tier.millis <= max(age_ms, PLAN.tiers[0].millis)


def test_after_twice_its_schedule_a_delivery_insists_on_its_attempts() -> None:
    end_ms = T0 + 2 * 305_000
    assert not insists(history(), PLAN.schedule, end_ms)
    assert insists(history(), PLAN.schedule, end_ms + 1)
    days = parse_delays(DEFAULT_SCHEDULE)
    assert 2 * sum(each.millis for each in days) > PLAN.lifetime_ms(days), "it expires before"


@given(st.integers(1, 100_000_000), st.integers(0, 5), st.integers(0, 4_000_000))
def test_a_diversion_is_never_shorter_than_the_known_outage(
    wait_ms: int, diversions: int, waited_ms: int
) -> None:
    past = History(Trigger.EVENT, 0, diversions, 0, T0, waited_ms=waited_ms)
    now_ms = T0 + PLAN.tiers[-1].millis
    decision = divert(past, PLAN, Reason.THROTTLED, now_ms, wait_ms=wait_ms)
    assert isinstance(decision, Diverted)
    assert decision.tier.millis >= min(wait_ms, PLAN.tiers[-1].millis)
    if diversions:
        assert decision.tier.millis > min(waited_ms, PLAN.tiers[-1].millis - 1)


@given(st.integers(1, 100_000_000))
def test_a_delivery_with_a_reserved_send_time_returns_before_it(left_ms: int) -> None:
    decision = await_send_time(history(), PLAN, Reason.RATE_LIMIT, T0, send_at_ms=T0 + left_ms)
    assert isinstance(decision, Diverted)
    assert decision.send_at_ms == T0 + left_ms
    assert decision.tier.millis <= left_ms or decision.tier == PLAN.tiers[0]


def test_a_delivery_that_is_only_ever_diverted_expires() -> None:
    old = history(enqueued_at_ms=T0 - PLAN.lifetime_ms(PLAN.schedule) - 1)
    decision = divert(old, PLAN, Reason.BACKLOG, T0)
    assert isinstance(decision, Dead)
    assert decision.reason == Reason.EXPIRED


@pytest.mark.parametrize(
    ("status", "said", "expected"),
    [
        (404, b"no_service", Reason.GONE),
        (410, b"channel_is_archived", Reason.GONE),
        (403, b"action_prohibited", Reason.REJECTED),
        (400, b"invalid_blocks", Reason.REJECTED),
    ],
)
def test_answers_that_slack_calls_final_are_final(
    status: int, said: bytes, expected: Reason
) -> None:
    given = altered(answer(status), snippet=said)
    decision = decide(given, history(), PLAN, PLAN.schedule, T0, judge)
    assert decision == Dead(expected, f"the endpoint answered {status} {said.decode()}")


def test_the_worker_waits_when_slack_asks_to_slow_down() -> None:
    decision = decide(answer(429, retry_after="30"), history(), PLAN, PLAN.schedule, T0, judge)
    assert isinstance(decision, Retry)
    assert decision.tier.label == "30s"
    assert decide(answer(200), history(), PLAN, PLAN.schedule, T0, judge) == Delivered()
    assert isinstance(decide(answer(500), history(), PLAN, PLAN.schedule, T0, judge), Retry)
