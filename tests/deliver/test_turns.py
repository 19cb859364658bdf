"""Rate limits: exact, and what is over them comes back in time and in order."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plaudit.deliver.decide import Plan
from plaudit.deliver.isolation.turns import Turns
from plaudit.kafka.settings import DEFAULT_SCHEDULE, DEFAULT_TIERS
from plaudit.records.delays import parse_delays

PLAN = Plan(parse_delays(DEFAULT_SCHEDULE), parse_delays(DEFAULT_TIERS))
TOP_RATE = st.floats(0.05, 2_000)


@dataclass
class Limited:
    """An endpoint with a limit, its queue and the tiers, in virtual time.

    Attributes:
        sent: when each delivery went.
        returns: how often each came back from a tier.
    """

    turns: Turns
    sent: list[tuple[float, int]] = field(default_factory=list)
    returns: dict[int, int] = field(default_factory=dict)
    _queue: list[int] = field(default_factory=list)
    _coming: list[tuple[float, int, int, float | None]] = field(default_factory=list)
    _count: int = 0
    now_s: float = 0.0

    def comes(self, at_s: float, number: int, turn_s: float | None = None) -> None:
        """Let a delivery come in from the log."""
        self._count += 1
        heapq.heappush(self._coming, (at_s, self._count, number, turn_s))

    def run(self, until_s: float = float("inf")) -> None:
        """Send what may be sent, until all is or time is up."""
        while (self._queue or self._coming) and self.now_s < until_s:
            wait_s = self.turns.take(self.now_s) if self._queue else float("inf")
            if not wait_s:
                self.sent.append((self.now_s, self._queue.pop(0)))
            elif self._coming and self._coming[0][0] <= self.now_s + wait_s:
                self._take_in()
            else:
                self.now_s += wait_s

    def _take_in(self) -> None:
        at_s, _, number, told_s = heapq.heappop(self._coming)
        self.now_s = max(self.now_s, at_s)
        turn_s = self.turns.turn(len(self._queue), told_s, self.now_s)
        if turn_s is None:
            self._queue.append(number)
            return
        self.returns[number] = self.returns.get(number, 0) + 1
        tier = PLAN.tier_within(int((turn_s - self.now_s) * 1_000))
        self.comes(self.now_s + tier.millis / 1_000, number, turn_s)


def most_in(seconds: float, sent: list[tuple[float, int]]) -> int:
    """Return how many went in the busiest stretch of so many seconds."""
    times = [at_s for at_s, _ in sent]
    first, most = 0, 0
    for last, at_s in enumerate(times):
        while times[first] <= at_s - seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


def test_five_a_second_are_300_in_a_minute_and_never_more_than_ten_in_a_second() -> None:
    limited = Limited(Turns(5, 0))
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
    turns, now_s = Turns(per_s, 0), 0.0
    sent: list[tuple[float, int]] = []
    for pause_s in waits:
        now_s += pause_s
        while not turns.take(now_s) and len(sent) < 5_000:
            sent.append((now_s, 0))
    assert most_in(1, sent) <= max(2, 2 * per_s)


@settings(deadline=None)
@given(per_s=TOP_RATE, other=TOP_RATE, at_s=st.floats(0, 5))
def test_another_limit_brings_no_burst(per_s: float, other: float, at_s: float) -> None:
    turns, now_s = Turns(per_s, 0), 0.0
    while now_s < at_s:
        now_s += turns.take(now_s) or 1e-3
    turns.change(other, now_s)
    at_once = 0
    while not turns.take(now_s):
        at_once += 1
    assert at_once <= 1 + other * 0.25


@pytest.mark.parametrize(("count", "per_s"), [(10_000, 5.0), (300, 0.1), (10_000, 100.0)])
def test_a_backlog_drains_at_the_limit_in_order_and_comes_back_a_few_times(
    count: int, per_s: float
) -> None:
    limited = Limited(Turns(per_s, 0))
    for number in range(count):
        limited.comes(number / 10_000, number)
    limited.run()
    assert len(limited.sent) == count
    ideal_s = count / per_s
    assert limited.sent[-1][0] <= ideal_s * 1.01
    gaps = [b[0] - a[0] for a, b in zip(limited.sent, limited.sent[1:], strict=False)]
    assert max(gaps) <= 1.1 / per_s + 1e-3, "never idle while anything waits"
    assert max(limited.returns.values()) <= 10
    moved = max(abs(place - number) for place, (_, number) in enumerate(limited.sent))
    assert moved / per_s <= 31 + 20 / per_s, "nobody is overtaken by more than half a minute"


def test_one_that_comes_later_waits_behind_those_that_were_told_their_turn() -> None:
    turns = Turns(5, 0)
    told = [turns.turn(75, None, 0.0) for _ in range(100)]
    assert told == sorted(told, key=lambda each: each or 0)
    late = turns.turn(40, None, 1.0)
    assert late is not None
    assert late > max(each or 0 for each in told)


def test_an_idle_endpoint_takes_anyone() -> None:
    turns = Turns(5, 0)
    assert turns.turn(75, None, 0.0) is not None
    assert turns.turn(0, None, 0.0) is None
    assert turns.turn(0, 5_000.0, 0.0) is None, "even one that was told to come later"


def test_a_higher_limit_brings_turns_forward() -> None:
    turns = Turns(1, 0)
    booked = [turns.turn(15, None, 0.0) or 0 for _ in range(1_000)]
    assert booked[-1] > 1_000
    turns.change(100, 0.0)
    sooner = turns.turn(1_600, None, 0.0)
    assert sooner is not None
    assert sooner < 30
