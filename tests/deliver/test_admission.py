"""Which deliveries are attempted when, and that no endpoint costs another one anything."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deliver.world import Behavior, World, answer, endpoint, times_out
from plaudit.deliver.isolation.endpoint_state import NO_QUEUE
from plaudit.deliver.isolation.housekeeping import FORGET_S
from plaudit.deliver.isolation.limits import AdmissionLimits
from plaudit.deliver.model.decision import Reason
from plaudit.deliver.model.delivery import History
from plaudit.deliver.running_lane import MOST_DELIVERIES
from plaudit.records.names import Trigger
from plaudit.transport.errors import ConnectFailed

GOOD, BAD = endpoint("good"), endpoint("bad")


@pytest.fixture(params=[False, True], ids=["events", "deliveries"])
def world(request: pytest.FixtureRequest) -> World:
    """Each lane in turn."""
    return World(serves_all=request.param)


@pytest.fixture
def events() -> World:
    """The lane that diverts slow and limited endpoints."""
    return World(serves_all=False)


@pytest.fixture
def deliveries() -> World:
    """The lane that serves them."""
    return World(serves_all=True)


def test_an_endpoint_is_sent_no_more_requests_at_once_than_its_limit(world: World) -> None:
    world.behaves["bad"] = Behavior(None)
    world.comes(BAD, 200)
    assert len(world.sent["bad"]) == AdmissionLimits().in_flight


def test_hanging_requests_delay_no_healthy_endpoint_by_a_moment(world: World) -> None:
    world.behaves["bad"] = Behavior(None)
    world.comes(BAD, 1_500)
    began_s = world.now_s
    for _ in range(100):
        world.comes(GOOD, 50)
        world.run(0.02)
    assert world.delivered["good"] == 5_000
    assert max(world.sent["good"]) <= began_s + 2.0, "each began when it came"
    assert not world.diverted["good"]


def test_many_hanging_endpoints_leave_the_lane_its_room(world: World) -> None:
    for number in range(100):
        world.behaves[f"bad{number}"] = Behavior(None)
    for _ in range(20):
        for number in range(100):
            world.comes(endpoint(f"bad{number}"), 10)
        world.run(0.5)
    assert world.admission.in_hand < MOST_DELIVERIES * 0.8
    assert not world.admission.queues.waiting_for_worker, "reading waits for none of them"


def test_a_queue_that_does_not_move_is_kept_short(deliveries: World) -> None:
    deliveries.behaves["bad"] = Behavior(None)
    deliveries.comes(BAD, 64 + 1_000)
    deliveries.run(2)
    deliveries.comes(BAD, 500)
    assert deliveries.reasons("bad") == {Reason.BACKLOG: 500}, "it takes 480 in 15 s, and has more"
    assert all(each.send_at_ms for each in deliveries.diverted["bad"])


def test_a_full_lane_shortens_the_queue_of_a_hanging_endpoint(
    deliveries: World,
) -> None:
    for number in range(115):
        deliveries.behaves[f"bad{number}"] = Behavior(None)
        deliveries.comes(endpoint(f"bad{number}"), 64)
    deliveries.run(1)
    deliveries.comes(endpoint("bad0"), 500)
    left = AdmissionLimits().shared - 115 * 64
    assert 500 - left / 2 <= deliveries.reasons("bad0")[Reason.BACKLOG] < 500


def test_a_worker_short_of_time_does_not_blame_endpoints(events: World) -> None:
    everyone = [endpoint(f"e{number}") for number in range(5)]
    for each in everyone:
        events.behaves[each.endpoint_id] = Behavior(3.0)  # as it looks from a loop that is late
    events.pulse.late_s = 0.5
    for _ in range(20):
        for each in everyone:
            events.comes(each, 10)
        events.run(1)
    assert not any(each.slow for each in events.admission.queues.known_health)


def test_equally_slow_endpoints_do_not_count_as_slow(events: World) -> None:
    everyone = [endpoint(f"e{number}") for number in range(8)]
    for takes_s in (0.5, 1.0, 2.0, 4.0, 5.0):
        for each in everyone:
            events.behaves[each.endpoint_id] = Behavior(takes_s)
            events.steadily(each, per_s=5, seconds=10)
        events.run(10)
    assert not any(each.slow for each in events.admission.queues.known_health)


def test_an_endpoint_that_is_slower_than_others_is_slow(events: World) -> None:
    events.behaves["bad"] = Behavior(3.0)
    events.steadily(GOOD, per_s=10, seconds=10)
    events.steadily(BAD, per_s=10, seconds=10)
    events.run(10)
    assert events.reasons("bad")[Reason.SLOW] > 50
    assert not events.diverted["good"]


def test_reading_waits_for_queues_that_move(world: World) -> None:
    world.comes(GOOD, 1_000)
    assert world.admission.queues.waiting_for_worker == 1_000 - 64
    world.run(1)
    assert world.delivered["good"] == 1_000
    assert not world.admission.queues.waiting_for_worker
    assert not world.diverted["good"]


def test_ten_failures_in_a_row_open_the_circuit_and_divert_what_waits(world: World) -> None:
    world.behaves["bad"] = Behavior(0.01, ConnectFailed())
    world.comes(BAD, 500)
    world.run(0.1)
    assert len(world.sent["bad"]) < 64 + 64
    assert world.reasons("bad")[Reason.CIRCUIT_OPEN] == 500 - len(world.sent["bad"])
    assert not world.admission.in_hand


def test_while_the_circuit_is_open_one_probe_at_a_time_is_sent(world: World) -> None:
    world.behaves["bad"] = Behavior(0.01, answer(500))
    world.steadily(BAD, per_s=100, seconds=600)
    world.run(600)
    probes = [at_s - 1_000 for at_s in world.sent["bad"]][12:]
    assert len(probes) <= 40 + 40 * 2.2, "one in 2 s for 80 s, then in a fortieth of the outage"
    assert all(later - at_s >= max(2, at_s / 41) for at_s, later in pairwise(probes))


def test_an_endpoint_that_works_again_is_served_again(world: World) -> None:
    world.behaves["bad"] = Behavior(0.01, answer(503))
    world.steadily(BAD, per_s=10, seconds=120)
    world.run(60)
    world.behaves["bad"] = Behavior()
    world.run(60)
    world.comes(BAD, 10)
    world.run(1)
    assert world.delivered["bad"] > 10
    assert not world.admission.queues.known_health[0].open


def test_a_delivery_is_attempted_after_its_longest_wait(world: World) -> None:
    world.behaves["bad"] = Behavior(0.01, answer(500))
    world.comes(BAD, 20)
    world.run(1)
    world.insisting = True
    world.comes(BAD, 200)
    world.run(1)
    assert len(world.sent["bad"]) == 220
    assert world.admission.queues.known_health[0].open, "their failures change nothing"


@pytest.mark.parametrize("status", [400, 404, 413, 415])
def test_an_answer_about_one_body_does_not_harm_an_endpoints_health(
    world: World, status: int
) -> None:
    world.behaves["bad"] = Behavior(0.01, answer(status))
    world.comes(BAD, 500)
    world.run(1)
    assert len(world.sent["bad"]) == 500


def test_retry_after_holds_back_everything_to_that_endpoint(world: World) -> None:
    world.behaves["bad"] = Behavior(0.01, answer(429, retry_after="120"))
    world.comes(BAD)
    world.run(1)
    world.behaves["bad"] = Behavior()
    world.comes(BAD, 10)
    assert world.reasons("bad") == {Reason.THROTTLED: 10}
    assert all(115 < each.wait_s < 120 for each in world.diverted["bad"])


def test_no_retry_after_holds_back_an_endpoint_for_more_than_an_hour(world: World) -> None:
    world.behaves["bad"] = Behavior(0.01, answer(503, retry_after="999999999"))
    world.comes(BAD)
    world.run(1)
    world.behaves["bad"] = Behavior()
    world.run(3_600)
    world.comes(BAD)
    assert len(world.sent["bad"]) == 2


def test_the_events_lane_sends_slow_endpoints_to_the_deliveries_lane(events: World) -> None:
    events.behaves["bad"] = Behavior(3.0)
    events.comes(BAD)
    events.run(4)
    events.comes(BAD, 10)
    assert events.reasons("bad") == {Reason.SLOW: 10}


def test_an_endpoint_that_gives_no_answer_is_slow_before_its_requests_time_out(
    events: World,
) -> None:
    events.behaves["bad"] = times_out()
    events.comes(BAD, 100)
    events.run(2.6)
    assert events.reasons("bad") == {Reason.SLOW: 36}, "what waited for a slot"
    events.comes(BAD)
    assert events.reasons("bad") == {Reason.SLOW: 37}


def test_one_time_out_among_many_answers_makes_no_endpoint_slow(events: World) -> None:
    events.behaves["bad"] = times_out()
    events.comes(BAD)
    events.behaves["bad"] = Behavior()
    events.steadily(BAD, per_s=20, seconds=20)
    events.run(21)
    assert events.delivered["bad"] == 400
    assert not events.diverted["bad"]


def test_a_slow_endpoint_is_quick_again_after_three_quick_trials(events: World) -> None:
    events.behaves["bad"] = Behavior(3.0)
    events.comes(BAD, 3)
    events.run(5)
    events.behaves["bad"] = Behavior(0.1)
    events.steadily(BAD, per_s=1, seconds=60)
    events.run(26)
    assert events.delivered["bad"] == 3, "not before half a minute"
    events.run(34)
    assert not events.admission.queues.known_health[0].slow
    events.comes(BAD, 10)
    assert len(events.sent["bad"]) >= 3 + 3 + 10


def test_a_trial_that_is_neither_quick_nor_slow_leaves_it_slow(events: World) -> None:
    events.behaves["bad"] = Behavior(3.0)
    events.comes(BAD, 3)
    events.run(5)
    events.behaves["bad"] = Behavior(1.5)
    events.steadily(BAD, per_s=1, seconds=60)
    events.run(60)
    assert events.admission.queues.known_health[0].slow
    assert len(events.sent["bad"]) == 3 + 1


def test_the_deliveries_lane_serves_slow_endpoints_on_their_own_slots(deliveries: World) -> None:
    deliveries.behaves["bad"] = Behavior(3.0)
    deliveries.steadily(BAD, per_s=10, seconds=60)
    deliveries.steadily(GOOD, per_s=100, seconds=60)
    deliveries.run(64)
    assert deliveries.delivered == {"bad": 600, "good": 6_000}


def test_the_events_lane_leaves_limited_endpoints_to_the_deliveries_lane(events: World) -> None:
    events.comes(endpoint("limited", rate_limit=5), 3)
    assert events.reasons("limited") == {Reason.RATE_LIMIT: 3}


def test_a_limited_endpoint_that_stalls_has_few_requests_that_could_arrive_together(
    deliveries: World,
) -> None:
    limited = endpoint("limited", rate_limit=5)
    deliveries.steadily(limited, 5, 20)
    deliveries.run(10)
    before = len(deliveries.sent["limited"])
    deliveries.behaves["limited"] = times_out()
    deliveries.run(2)
    assert len(deliveries.sent["limited"]) - before <= 3


def test_a_limited_endpoint_that_answers_slowly_is_served_at_its_rate(deliveries: World) -> None:
    limited = endpoint("limited", rate_limit=5)
    deliveries.behaves["limited"] = Behavior(3.0)
    deliveries.steadily(limited, 10, 60)
    deliveries.run(60)
    # Before the first answer, it is unknown that it takes so long.
    assert 300 - 3 * 5 <= len(deliveries.sent["limited"]) <= 304


def test_after_a_rebalance_a_limited_endpoint_is_sent_nothing_for_an_interval(
    deliveries: World,
) -> None:
    limited = endpoint("limited", rate_limit=0.5)
    deliveries.proceed(deliveries.admission.restart_ownership())
    deliveries.comes(limited)
    deliveries.run(1.9)
    assert not deliveries.sent["limited"], "the owner before may have sent until then"
    deliveries.run(0.2)
    assert len(deliveries.sent["limited"]) == 1
    deliveries.comes(limited)
    deliveries.proceed(deliveries.admission.restart_ownership())
    deliveries.run(2)
    assert len(deliveries.sent["limited"]) == 2, "it stayed here"


def test_a_limited_endpoint_is_served_at_its_rate_and_the_rest_has_reserved_send_times(
    deliveries: World,
) -> None:
    limited = endpoint("limited", rate_limit=5)
    deliveries.comes(limited, 1_000)
    deliveries.run(60)
    rate_limiter = [each.send_at_ms or 0 for each in deliveries.diverted["limited"]]
    assert len(rate_limiter) == 1_000 - 76, "fifteen seconds' worth waits here"
    assert rate_limiter == sorted(rate_limiter)
    assert rate_limiter[-1] - rate_limiter[0] == pytest.approx(len(rate_limiter) * 200, abs=400)


def test_a_delivery_whose_send_time_is_near_waits_in_memory(deliveries: World) -> None:
    limited = endpoint("limited", rate_limit=5)
    deliveries.comes(limited, 80)
    diverted = len(deliveries.diverted["limited"])
    soon_ms = int((deliveries.now_s + 14) * 1_000)
    told = History(Trigger.EVENT, 0, 2, 0, 0, send_at_ms=soon_ms)
    deliveries.admit(deliveries.delivery(limited, told), limited)
    assert len(deliveries.diverted["limited"]) == diverted


def test_lifting_a_limit_releases_waiting_deliveries(deliveries: World) -> None:
    deliveries.comes(endpoint("limited", rate_limit=0.01), 2)
    assert len(deliveries.sent["limited"]) == 1
    deliveries.comes(endpoint("limited", version=2))
    assert len(deliveries.sent["limited"]) == 3


def test_another_version_of_an_endpoint_starts_with_a_clean_slate(world: World) -> None:
    world.behaves["bad"] = Behavior(0.01, ConnectFailed())
    world.comes(BAD, 20)
    world.run(1)
    world.comes(BAD)
    assert world.reasons("bad")[Reason.CIRCUIT_OPEN] == 1
    world.comes(endpoint("bad", version=2))
    assert len(world.sent["bad"]) == 21


def test_waiting_records_of_a_revoked_partition_are_forgotten(
    world: World,
) -> None:
    world.behaves["bad"] = Behavior(None)
    world.comes(BAD, 100)
    world.assignment.active = False
    world.run(1)
    assert world.admission.in_hand == 64
    assert not world.diverted["bad"], "its next owner reads it again"


def test_a_queue_that_became_empty_uses_no_memory(world: World) -> None:
    world.comes(GOOD, 100)
    assert len(world.admission.queues.states["good"].queue) > 0
    world.run(1)
    assert world.delivered["good"] == 100
    assert world.admission.queues.states["good"].queue is NO_QUEUE


def test_endpoints_that_are_idle_and_well_are_forgotten(world: World) -> None:
    for number in range(100):
        world.comes(endpoint(f"e{number}"))
    world.run(FORGET_S + 2)
    assert not world.admission.queues.known_health


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", "c"]),
            st.integers(1, 200),
            st.sampled_from([0.01, 1.0, 3.0, 15.0]),
            st.sampled_from([200, 404, 429, 500]),
            st.floats(0, 20),
        ),
        max_size=20,
    ),
    st.booleans(),
)
def test_every_delivery_is_attempted_or_diverted_and_the_counts_come_out_even(
    steps: list[tuple[str, int, float, int, float]],
    serves_all: bool,  # noqa: FBT001 - drawn by Hypothesis
) -> None:
    world, total = World(serves_all=serves_all), 0
    for name, count, takes_s, status, pause_s in steps:
        world.behaves[name] = Behavior(takes_s, answer(status))
        world.comes(endpoint(name, rate_limit=7 if name == "c" else None), count)
        total += count
        world.run(pause_s)
    world.run(3_600)
    sent = sum(len(each) for each in world.sent.values())
    assert sent + sum(len(each) for each in world.diverted.values()) == total
    assert world.admission.in_hand == world.admission.queues.waiting_for_worker == 0
