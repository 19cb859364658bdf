"""Rates hold, whatever the batches are and however long they take."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from plaudit.dlq.job.failure_watch import Returns, Streaks
from plaudit.dlq.job.pacing import BURST_S, EndpointPaces, Pace


class Clock:
    """Monotonic seconds that a test moves."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@given(
    st.floats(0.5, 20_000),
    st.lists(st.tuples(st.integers(1, 1_000), st.floats(0, 3)), min_size=1, max_size=50),
)
def test_never_more_than_the_rate_and_one_burst(
    rate: float, batches: list[tuple[int, float]]
) -> None:
    """From any start: what went since is at most what the time allows and a second's worth."""
    clock = Clock()
    pace = Pace(rate, clock)
    sent: list[tuple[float, int]] = []
    for count, work_s in batches:
        clock.now += pace.wait_s(count)
        assert pace.wait_s(count) < 1e-6
        pace.count_sent(count)
        sent.append((clock.now, count))
        clock.now += work_s
    for start in range(len(sent)):
        for end in range(start, len(sent)):
            elapsed = sent[end][0] - sent[start][0]
            count = sum(each for _, each in sent[start + 1 : end + 1])
            assert count <= rate * (elapsed + BURST_S) + 1e-3


def test_a_rate_is_met_when_work_is_quicker_than_the_rate() -> None:
    clock = Clock()
    pace = Pace(1_000, clock)
    for _ in range(40):
        clock.now += 0.1  # the work of a batch
        clock.now += pace.wait_s(250)
        pace.count_sent(250)
    assert abs(10_000 / (clock.now - 100.0) - 1_000) < 1


def test_without_a_rate_nothing_waits() -> None:
    pace = Pace(None, Clock())
    pace.count_sent(10**9)
    assert pace.wait_s(10**9) == 0.0
    assert EndpointPaces(None, Clock()).due("a") == Clock.now


def test_each_endpoint_has_its_own_moments() -> None:
    clock = Clock()
    paces = EndpointPaces(10, clock)
    assert [round(paces.due("a") - clock.now, 3) for _ in range(3)] == [0.0, 0.1, 0.2]
    assert paces.due("b") == clock.now
    clock.now += 60
    assert paces.due("a") == clock.now, "nothing is caught up with"


def test_a_job_stops_when_half_of_its_records_come_back() -> None:
    returns = Returns(20)
    returns.sent, returns.back = 100, 19
    assert not returns.too_many()
    returns.back = 50
    assert returns.too_many()
    returns.sent = 101
    assert not returns.too_many()
    assert not Returns(0).too_many()


def test_an_endpoint_fails_after_a_number_of_failures_in_a_row() -> None:
    streaks = Streaks(3)
    for outcome in ("retrying", "dead", "delivered", "retrying", "diverted", "gone"):
        streaks.count("a", outcome, "status 503")
    assert not streaks.failing("a")
    streaks.count("a", "retrying", "status 503")
    assert streaks.failing("a")
    assert streaks.why("a") == "3 failures in a row, status 503"
    assert not streaks.failing("b")
    assert not Streaks(0).failing("a")
