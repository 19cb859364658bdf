"""The circuit breaker, against a model of it and by example."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from deliver.world import answer
from plaudit.deliver.isolation.circuit_breaker import Breaker, BreakerLimits, State
from plaudit.deliver.isolation.endpoint_health import CIRCUIT, EndpointHealth
from plaudit.transport.errors import ConnectFailed

LIMITS = BreakerLimits(failures=3, recoveries=2, first_s=5.0, most_s=60.0)


def opened(now_s: float = 0.0) -> Breaker:
    """Return a breaker that has just opened."""
    breaker = Breaker(LIMITS)
    for _ in range(LIMITS.failures):
        permit = breaker.permit(now_s)
        assert permit is not None
        breaker.report(permit, success=False, now_s=now_s)
    assert breaker.state is State.OPEN
    return breaker


def test_failures_open_it_only_without_a_success_between_them() -> None:
    breaker = Breaker(LIMITS)
    for success in (False, False, True, False, False):
        permit = breaker.permit(0)
        assert permit is not None
        breaker.report(permit, success=success, now_s=0)
    assert not breaker.refuses(0)
    breaker.report(breaker.permit(0) or 0, success=False, now_s=0)
    assert breaker.refuses(0)


def test_it_stays_open_for_its_time_and_then_lets_one_probe_through() -> None:
    breaker = opened()
    assert breaker.permit(4.99) is None
    assert breaker.permit(5.0) is not None
    assert breaker.permit(5.0) is None, "one probe at a time"


def test_enough_probes_close_it() -> None:
    breaker = opened()
    for _ in range(LIMITS.recoveries):
        permit = breaker.permit(6)
        assert permit is not None
        breaker.report(permit, success=True, now_s=6)
    assert breaker.state is State.CLOSED
    assert breaker.pristine


def test_each_probe_that_fails_opens_it_for_twice_as_long_up_to_a_bound() -> None:
    breaker = opened()
    now_s, lasted = 0.0, []
    for _ in range(6):
        began_s = now_s
        while breaker.refuses(now_s):
            now_s += 0.5
        lasted.append(now_s - began_s)
        breaker.report(breaker.permit(now_s) or 0, success=False, now_s=now_s)
    assert lasted == [5, 10, 20, 40, 60, 60]


def test_a_circuit_that_fails_right_after_closing_stays_open_longer() -> None:
    breaker = opened()
    for _ in range(LIMITS.recoveries):
        breaker.report(breaker.permit(5) or 0, success=True, now_s=5)
    for _ in range(LIMITS.failures):
        breaker.report(breaker.permit(6) or 0, success=False, now_s=6)
    assert breaker.refuses(15.9)
    assert not breaker.refuses(16.0)


def test_the_outcome_of_an_attempt_from_before_the_opening_is_ignored() -> None:
    breaker = Breaker(LIMITS)
    early = breaker.permit(0)
    assert early is not None
    for _ in range(LIMITS.failures):
        breaker.report(early, success=False, now_s=0)
    probe = breaker.permit(5)
    assert probe is not None
    breaker.report(early, success=False, now_s=5)
    breaker.report(early, success=True, now_s=5)
    assert breaker.state is State.HALF_OPEN
    assert breaker.permit(5) is None, "the probe is still out"


def test_a_probe_that_shows_nothing_makes_room_for_the_next() -> None:
    breaker = opened()
    breaker.report(breaker.permit(5) or 0, success=None, now_s=5)
    assert breaker.state is State.HALF_OPEN
    assert breaker.permit(5) is not None


class BreakerMachine(RuleBasedStateMachine):
    """Attempts begin and end in any order, while time goes by."""

    def __init__(self) -> None:
        super().__init__()
        self.breaker = Breaker(LIMITS)
        self.now_s = 0.0
        self.under_way: list[tuple[int, State]] = []
        self.opened_at_s = 0.0

    @rule(seconds=st.floats(0, 70))
    def time_goes_by(self, seconds: float) -> None:
        self.now_s += seconds

    @rule()
    def an_attempt_begins(self) -> None:
        before, refuses = self.breaker.state, self.breaker.refuses(self.now_s)
        permit = self.breaker.permit(self.now_s)
        assert (permit is None) is refuses
        if before is State.OPEN and self.now_s < self.opened_at_s + LIMITS.first_s:
            assert permit is None, "never before the shortest time"
        if self.now_s >= self.opened_at_s + LIMITS.most_s and not self.probes:
            assert permit is not None, "never shut for longer than the bound"
        if permit is not None:
            self.under_way.append((permit, self.breaker.state))

    @precondition(lambda self: self.under_way)
    @rule(data=st.data(), success=st.sampled_from([True, False, None]))
    def one_ends(self, data: st.DataObject, success: bool | None) -> None:  # noqa: FBT001 - drawn by Hypothesis
        index = data.draw(st.integers(0, len(self.under_way) - 1))
        permit, _ = self.under_way.pop(index)
        before = self.breaker.state
        self.breaker.report(permit, success, self.now_s)
        after = self.breaker.state
        if before is State.OPEN:
            assert after is State.OPEN, "only time ends it"
        if after is State.OPEN and before is not State.OPEN:
            assert success is False
            self.opened_at_s = self.now_s

    @property
    def probes(self) -> list[int]:
        """Probes of the present half-open state that are out."""
        if self.breaker.state is not State.HALF_OPEN:
            return []
        newest = max((permit for permit, _ in self.under_way), default=-1)
        return [p for p, state in self.under_way if state is State.HALF_OPEN and p == newest]

    @invariant()
    def at_most_one_probe_is_out(self) -> None:
        assert len(self.probes) <= 1


BreakerMachine.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
TestBreakerMachine = BreakerMachine.TestCase


def test_breakers_are_shared_only_until_an_endpoint_fails() -> None:
    bad, slow, reported, good = (
        EndpointHealth(),
        EndpointHealth(),
        EndpointHealth(),
        EndpointHealth(),
    )
    for _ in range(CIRCUIT.failures):
        bad.report(bad.permit(1.0), ConnectFailed("down"), 0.1, 1.0)
        slow.report(slow.permit(1.0), answer(200), 10.0, 1.0)
    reported.open_on_report(9.0, 1.0, 1.0)
    assert (bad.open, slow.slow, reported.open) == (True, True, True)
    assert good.pristine(1.0)
    assert EndpointHealth().refusal(1.0, serves_slow=False) is None
