"""The brokers' time is followed through every jump of this machine's clock, and never overtaken."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaudit.kafka.broker_clock import FORGET_AFTER_S, BrokerClock


class Times:
    """Three clocks of a test: the brokers', and this machine's two."""

    def __init__(self) -> None:
        self.monotonic = 50.0
        self.wall = 1_700_000_000.0
        self.broker = 1_700_000_000.0
        self.clock = BrokerClock(lambda: self.monotonic, lambda: self.wall)

    def pass_s(self, seconds: float) -> None:
        self.monotonic += seconds
        self.wall += seconds
        self.broker += seconds

    def acknowledge(self, latency_s: float) -> None:
        """A write is appended now and acknowledged a while later."""
        appended_ms = int(self.broker * 1_000)
        self.pass_s(latency_s)
        self.clock.observe(appended_ms)


def test_without_a_write_this_machines_clock_is_used() -> None:
    times = Times()
    assert times.clock.now_ms() == int(times.wall * 1_000)
    assert times.clock.skew_ms is None


@given(
    skew_s=st.floats(-7_200, 7_200),
    steps=st.lists(
        st.tuples(st.floats(0, 20), st.floats(0.001, 5), st.floats(-3_600, 3_600)),
        min_size=1,
        max_size=40,
    ),
)
def test_it_is_never_ahead_and_behind_by_the_quickest_acknowledgement_at_most(
    skew_s: float, steps: list[tuple[float, float, float]]
) -> None:
    """Whatever this machine's clock does meanwhile."""
    times = Times()
    times.broker += skew_s
    latencies: list[tuple[float, float]] = []
    for wait_s, latency_s, jump_s in steps:
        times.pass_s(wait_s)
        times.acknowledge(latency_s)
        latencies.append((times.monotonic, latency_s))
        times.wall += jump_s
        behind_ms = times.broker * 1_000 - times.clock.now_ms()
        recent = min(took for at, took in latencies if times.monotonic - at <= FORGET_AFTER_S)
        assert -1 <= behind_ms <= recent * 1_000 + 2


def test_a_brokers_clock_that_is_put_back_is_believed_after_a_minute() -> None:
    times = Times()
    times.acknowledge(0.002)
    times.broker -= 600
    for _ in range(40):
        times.pass_s(2)
        times.acknowledge(0.002)
    assert abs(times.broker * 1_000 - times.clock.now_ms()) <= 4


def test_a_skew_is_logged_when_it_begins_and_when_it_ends(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    times = Times()
    times.broker += 5
    for _ in range(60):
        times.pass_s(2)
        times.acknowledge(0.002)
    assert times.clock.skew_ms == pytest.approx(5_000, abs=5)
    assert [each.message for each in caplog.records] == ["clock.skewed"]
    times.wall += 5
    for _ in range(60):
        times.pass_s(2)
        times.acknowledge(0.002)
    assert [each.message for each in caplog.records] == ["clock.skewed", "clock.in_sync"]
