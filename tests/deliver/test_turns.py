"""Rate limits: exact, and what is over them comes back in time and in order."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from itertools import cycle, pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from plaudit.deliver.isolation.rate_limit import RateLimiter
from plaudit.deliver.model.decision import RetryPlan
from plaudit.kafka.settings import DEFAULT_SCHEDULE, DEFAULT_TIERS
from plaudit.records.delays import parse_delays

PLAN = RetryPlan(parse_delays(DEFAULT_SCHEDULE), parse_delays(DEFAULT_TIERS))
TOP_RATE = st.floats(0.05, 2_000)


@dataclass
class Limited:
    """An endpoint with a limit, its queue and the tiers, in virtual time.

    Attributes:
        sent: when each delivery went.
        returns: how often each came back from a tier.
    """

    rate_limiter: RateLimiter
    sent: list[tuple[float, int]] = field(default_factory=list)
    returns: dict[int, int] = field(default_factory=dict)
    _queue: list[int] = field(default_factory=list)
    _coming: list[tuple[float, int, int, float | None]] = field(default_factory=list)
    _count: int = 0
    now_s: float = 0.0

    def comes(self, at_s: float, number: int, send_s: float | None = None) -> None:
        """Let a delivery come in from the log."""
        self._count += 1
        heapq.heappush(self._coming, (at_s, self._count, number, send_s))

    def run(self, until_s: float = float("inf")) -> None:
        """Send what may be sent, until all is or time is up."""
        while (self._queue or self._coming) and self.now_s < until_s:
            wait_s = self.rate_limiter.take(self.now_s) if self._queue else float("inf")
            if not wait_s:
                self.sent.append((self.now_s, self._queue.pop(0)))
            elif self._coming and self._coming[0][0] <= self.now_s + wait_s:
                self._take_in()
            else:
                self.now_s += wait_s

    def _take_in(self) -> None:
        at_s, _, number, told_s = heapq.heappop(self._coming)
        self.now_s = max(self.now_s, at_s)
        send_s = self.rate_limiter.send_time(len(self._queue), told_s, self.now_s)
        if send_s is None:
            self._queue.append(number)
            return
        self.returns[number] = self.returns.get(number, 0) + 1
        tier = PLAN.tier_within(int((send_s - self.now_s) * 1_000))
        self.comes(self.now_s + tier.millis / 1_000, number, send_s)


def most_in(seconds: float, sent: list[tuple[float, int]]) -> int:
    """Return how many went in the busiest stretch of this many seconds."""
    times = [at_s for at_s, _ in sent]
    first, most = 0, 0
    for last, at_s in enumerate(times):
        while times[first] <= at_s - seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


def test_five_a_second_are_300_in_a_minute_and_never_more_than_ten_in_a_second() -> None:
    limited = Limited(RateLimiter(5, 0))
    for number in range(1_000):
        limited.comes(0, number)
    limited.run(60)
    assert 295 <= len(limited.sent) <= 305
    assert most_in(1, limited.sent) <= 7, "a margin of three for what arrives bunched"


@settings(deadline=None)
@given(per_s=TOP_RATE, waits=st.lists(st.floats(0, 3), max_size=200))
def test_no_second_sees_twice_the_limit_whatever_the_pauses(
    per_s: float, waits: list[float]
) -> None:
    rate_limiter, now_s = RateLimiter(per_s, 0), 0.0
    sent: list[tuple[float, int]] = []
    for pause_s in waits:
        now_s += pause_s
        while not rate_limiter.take(now_s) and len(sent) < 5_000:
            sent.append((now_s, 0))
    assert most_in(1, sent) <= max(2, 2 * per_s)


def test_missed_ticks_are_caught_up_without_a_burst() -> None:
    rate_limiter = RateLimiter(5, 0)
    sent = [(at_s, 0) for at_s in send_all(rate_limiter, 0, 10)]
    sent += [(at_s, 0) for at_s in send_all(rate_limiter, 10.35, 20)]
    assert len(sent) == 100
    assert most_in(1, sent) <= 7
    assert min(later[0] - sooner[0] for sooner, later in pairwise(sent)) > 0.13


def send_all(rate_limiter: RateLimiter, begin_s: float, end_s: float) -> list[float]:
    """Send whenever it may be, as one with enough to send."""
    now_s, sent = begin_s, []
    while now_s < end_s:
        wait_s = rate_limiter.take(now_s)
        if not wait_s:
            sent.append(now_s)
        now_s += wait_s
    return sent


@dataclass
class Owners:
    """Workers that pass an endpoint on to each other, each with a backlog and late wake-ups.

    Attributes:
        sent: by any worker.
    """

    per_s: float
    workers: dict[int, RateLimiter] = field(default_factory=dict)
    sent: list[tuple[float, int]] = field(default_factory=list)

    def serve(self, number: int, begin_s: float, end_s: float, late_s: list[float]) -> None:
        """Let a worker, an old or a new one, be the owner for a while."""
        if number in self.workers:
            self.workers[number].restart_ownership(begin_s)
        else:
            self.workers[number] = RateLimiter(self.per_s, begin_s, begin_s)
        now_s, lateness = begin_s, iter(late_s)
        while now_s < end_s:
            wait_s = self.workers[number].take(now_s)
            if wait_s:
                now_s += wait_s + next(lateness, 0.0)
            else:
                self.sent.append((now_s, number))


PERIODS = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.floats(0.01, 30),
        st.lists(st.floats(0, 1.5), max_size=40),
    ),
    min_size=1,
    max_size=12,
)


@settings(deadline=None)
@given(per_s=st.floats(0.5, 50), periods=PERIODS)
def test_no_join_leave_or_late_wake_up_exceeds_the_limit(
    per_s: float, periods: list[tuple[int, float, list[float]]]
) -> None:
    owners, now_s = Owners(per_s), 0.0
    for number, seconds, late_s in periods:
        owners.serve(number, now_s, now_s + seconds, late_s)
        now_s += seconds
    assert most_in(1, owners.sent) <= 1 + 1.275 * per_s
    assert most_in(60, owners.sent) <= 1 + 60.4 * per_s + 1e-6


def arrivals(
    rate_limiter: RateLimiter, ways: list[tuple[float, float]], end_s: float
) -> list[float]:
    """Send as admission does, no more unanswered than is allowed; return when each arrived.

    Args:
        rate_limiter: of the endpoint.
        ways: in turn, how late a request leaves, and how long it is on its way; it is answered when
            it arrives.
        end_s: when to stop.
    """
    now_s, in_turn = 0.0, cycle(ways)
    unanswered: list[tuple[float, float]] = []
    arrived: list[float] = []
    late_s, transit_s = next(in_turn)
    while now_s < end_s:
        while unanswered and unanswered[0][0] <= now_s:
            rate_limiter.answered(heapq.heappop(unanswered)[1])
        if len(unanswered) >= rate_limiter.most_open(now_s):
            now_s = min(unanswered[0][0], now_s + LOOK_S)
            continue
        wait_s = rate_limiter.take(now_s)
        if wait_s:
            now_s += wait_s + late_s
            continue
        heapq.heappush(unanswered, (now_s + transit_s, transit_s))
        arrived.append(now_s + transit_s)
        late_s, transit_s = next(in_turn)
    return sorted(arrived)


LOOK_S = 0.5
SMOOTH = (0.0, 0.001)
WAYS = st.lists(
    st.one_of(st.just(SMOOTH), st.tuples(st.floats(0, 2), st.floats(0, 0.5))),
    min_size=1,
    max_size=400,
)


@settings(deadline=None)
@example([SMOOTH] * 50 + [(0.75, 0.5), (0, 0.3), (0, 0.1)] + [SMOOTH] * 400)
@given(WAYS)
def test_however_long_requests_are_on_their_way_an_endpoint_sees_its_limit(
    ways: list[tuple[float, float]],
) -> None:
    """Up to half a second each: what was sent before a minute may arrive in it."""
    arrived = [(at_s, 0) for at_s in arrivals(RateLimiter(5, 0), ways, 90)]
    assert most_in(60, arrived) <= 305
    assert most_in(1, arrived) <= 10


@pytest.mark.parametrize("first_s", [0.0, 0.1, 0.5, 0.6, 0.9])
def test_however_late_the_first_request_arrives_a_minute_from_then_sees_the_limit(
    first_s: float,
) -> None:
    """Those that are sent meanwhile would arrive together with it."""
    ways = [(0.0, max(0.001, first_s - number / 5)) for number in range(400)]
    arrived = arrivals(RateLimiter(5, 0), ways, 90)
    assert sum(at_s < arrived[0] + 60 for at_s in arrived) <= 303


def test_a_first_request_is_alone_until_it_is_answered_or_for_a_second() -> None:
    for answered in (False, True):
        rate_limiter = RateLimiter(5, 0)
        assert rate_limiter.take(0.2) == 0
        assert rate_limiter.most_open(0.9) == 1
        if answered:
            rate_limiter.answered(0.7)
        assert (rate_limiter.most_open(0.9) > 1) is answered
        assert rate_limiter.most_open(1.2) > 1


@given(moves=st.lists(st.floats(1, 15), max_size=4), late_s=st.floats(0, 0.5))
def test_four_workers_and_a_few_moves_send_300_in_a_minute_less_an_interval_a_move(
    moves: list[float], late_s: float
) -> None:
    owners, now_s = Owners(5), 0.0
    for number, seconds in enumerate([*moves, 60 - sum(moves)]):
        owners.serve(number % 4, now_s, now_s + seconds, [late_s])
        now_s += seconds
    # What was missed just before a move is not caught up on by the next owner.
    assert 300 - (len(moves) + 1) * 5 <= len(owners.sent) <= 301
    assert most_in(1, owners.sent) <= 7


@settings(deadline=None)
@given(per_s=TOP_RATE, other=TOP_RATE, at_s=st.floats(0, 5))
def test_a_changed_limit_causes_no_burst(per_s: float, other: float, at_s: float) -> None:
    rate_limiter, now_s = RateLimiter(per_s, 0), 0.0
    while now_s < at_s:
        now_s += rate_limiter.take(now_s) or 1e-3
    rate_limiter.change(other, now_s)
    at_once = 0
    while not rate_limiter.take(now_s):
        at_once += 1
    assert at_once <= 1 + other * 0.25


@pytest.mark.parametrize(("count", "per_s"), [(10_000, 5.0), (300, 0.1), (10_000, 100.0)])
def test_a_backlog_drains_at_the_limit_in_order_and_comes_back_a_few_times(
    count: int, per_s: float
) -> None:
    limited = Limited(RateLimiter(per_s, 0))
    for number in range(count):
        limited.comes(number / 10_000, number)
    limited.run()
    assert len(limited.sent) == count
    ideal_s = count / per_s
    assert limited.sent[-1][0] <= ideal_s * 1.01
    gaps = [later[0] - sooner[0] for sooner, later in pairwise(limited.sent)]
    assert max(gaps) <= 1.1 / per_s + 1e-3, "never idle while anything waits"
    assert max(limited.returns.values()) <= 10
    moved = max(abs(place - number) for place, (_, number) in enumerate(limited.sent))
    assert moved / per_s <= 31 + 20 / per_s, "none is overtaken by more than half a minute"


def test_a_later_delivery_waits_behind_those_with_a_send_time() -> None:
    rate_limiter = RateLimiter(5, 0)
    told = [rate_limiter.send_time(75, None, 0.0) for _ in range(100)]
    assert told == sorted(told, key=lambda each: each or 0)
    late = rate_limiter.send_time(40, None, 1.0)
    assert late is not None
    assert late > max(each or 0 for each in told)


def test_an_idle_endpoint_accepts_every_delivery() -> None:
    rate_limiter = RateLimiter(5, 0)
    assert rate_limiter.send_time(75, None, 0.0) is not None
    assert rate_limiter.send_time(0, None, 0.0) is None
    assert rate_limiter.send_time(0, 5_000.0, 0.0) is None, "even one that was told to come later"


def test_a_higher_limit_moves_send_times_forward() -> None:
    rate_limiter = RateLimiter(1, 0)
    booked = [rate_limiter.send_time(15, None, 0.0) or 0 for _ in range(1_000)]
    assert booked[-1] > 1_000
    rate_limiter.change(100, 0.0)
    sooner = rate_limiter.send_time(1_600, None, 0.0)
    assert sooner is not None
    assert sooner < 30
