"""The deliveries that make way when a window or the lane is nearly full."""

from __future__ import annotations

import pytest

from deliver.world import Behavior, World, assignment, endpoint
from plaudit.deliver.isolation.head_of_line import EVICT_AFTER_S, Evicted, relief
from plaudit.deliver.isolation.limits import AdmissionLimits
from plaudit.deliver.model.decision import Reason
from plaudit.deliver.offsets.window import Window, WindowLimits

BAD = endpoint("bad")
LIMITS = WindowLimits(span=100, bytes=1_000)


@pytest.fixture
def world() -> World:
    made = World(serves_all=True, limits=AdmissionLimits(in_flight=2, queued=100))
    made.behaves["bad"] = Behavior(None)
    return made


def relieved(world: World, *, fill: float = 0.0) -> tuple[int, list[int]]:
    """Relieve once; return how many were diverted, and the offsets that were evicted."""
    found = relief(world.admission, [world.assignment], fill, world.now_s)
    world.proceed(found.diverted)
    for flight in found.evicted:
        world.admission.evicted(flight)
    return len(found.diverted), [each.delivery.record.offset for each in found.evicted]


def test_no_delivery_is_diverted_while_there_is_room(world: World) -> None:
    world.comes(BAD, 10)
    world.run(60)
    assert relieved(world, fill=0.79) == (0, [])


def test_deliveries_that_crowd_a_window_leave_their_queue_and_after_five_seconds_the_wire(
    world: World,
) -> None:
    world.comes(BAD, 10)
    world.assignment.crowded_below = 6
    world.run(EVICT_AFTER_S - 1)
    assert relieved(world) == (4, []), "offsets 2 to 5; 6 to 9 keep nothing full"
    assert world.reasons("bad") == {Reason.RELIEF: 4}
    world.run(1)
    assert relieved(world) == (0, [0, 1])
    assert world.admission.queues.known_health[0].slow


def test_other_partitions_stay_unchanged(world: World) -> None:
    world.comes(BAD, 2)
    crowded = world.assignment
    world.assignment = assignment(1)
    world.comes(BAD, 8)
    crowded.crowded_below = 100
    world.run(10)
    found = relief(world.admission, [crowded, world.assignment], 0, world.now_s)
    evicted = [each.delivery.record.assignment for each in found.evicted]
    assert (evicted, found.diverted) == ([crowded, crowded], [])


def test_a_full_lane_is_relieved_of_every_hanging_request(world: World) -> None:
    world.comes(BAD, 10)
    world.run(10)
    world.comes(endpoint("good"), 50)
    assert relieved(world, fill=0.8) == (8, [0, 1])
    assert not world.diverted["good"], "what waits for it is soon gone"


def test_an_eviction_counts_as_sent() -> None:
    error = Evicted.after(5.2)
    assert error.code == "evicted"
    assert error.sent


def test_records_that_keep_a_window_crowded_are_below_eighty_percent_of_its_span() -> None:
    window = Window(0)
    for offset in range(80):
        window.receive(offset, 1)
    assert window.crowded_below(LIMITS) == 0
    window.receive(89, 1)
    assert window.crowded_below(LIMITS) == 10
    for offset in range(10):
        window.complete(offset)
    assert window.crowded_below(LIMITS) == 0


def test_the_head_of_a_window_full_of_bytes_makes_way() -> None:
    window = Window(0)
    window.receive(3, 400)
    window.receive(4, 400)
    assert window.crowded_below(LIMITS) == 4
    window.complete(3)
    assert window.crowded_below(LIMITS) == 0


def test_each_check_for_a_commit_updates_the_crowding_records() -> None:
    held = assignment()
    for offset in range(9_000):
        held.window.receive(offset, 1)
    held.change()
    assert held.crowded_below == 1_000
    for offset in range(1_000):
        held.window.complete(offset)
    held.change()
    assert held.crowded_below == 0
