"""Deliveries of one workspace in hand: a bound leaves room for the others."""

from __future__ import annotations

import pytest

from deliver.world import Behavior, World, endpoint
from plaudit.deliver.isolation.limits import AdmissionLimits
from plaudit.deliver.model.decision import Reason

GOOD = endpoint("good")


@pytest.mark.parametrize("serves_all", [False, True], ids=["events", "deliveries"])
def test_a_workspace_over_its_backlog_leaves_room_for_the_others(*, serves_all: bool) -> None:
    most, slow = 300, [endpoint(f"slow{number}", workspace="busy") for number in range(20)]
    world = World(serves_all=serves_all, limits=AdmissionLimits(workspace=most))
    for each in slow:
        world.behaves[each.endpoint_id] = Behavior(None)
        world.comes(each, 100)
    assert world.admission.in_hand <= most + len(slow), "each has one request, whatever waits"
    assert all(world.sent[each.endpoint_id] for each in slow)
    assert {Reason.BACKLOG} == {kind for each in slow for kind in world.reasons(each.endpoint_id)}
    world.comes(GOOD, 64)
    assert len(world.sent["good"]) == 64


def test_a_workspace_gets_its_room_back_when_its_endpoints_answer() -> None:
    busy = endpoint("busy", workspace="busy")
    world = World(serves_all=False, limits=AdmissionLimits(workspace=10))
    world.behaves["busy"] = Behavior(0.1)
    world.comes(busy, 20)
    assert world.admission.in_hand == 10
    world.run(1)
    world.comes(busy, 10)
    assert world.admission.in_hand == 10
    world.run(1)
    assert world.delivered["busy"] == 20
