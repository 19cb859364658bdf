"""A worker without partitions is ready when its group has let it in, and not ready when not."""

from __future__ import annotations

import logging

import pytest

from plaudit.deliver.offsets.membership import IDLE, IDLE_AFTER_S, Membership


class Group:
    """A clock, and whether the source is a member."""

    def __init__(self) -> None:
        self.now_s = 1_000.0
        self.member = False

    def look_for(self, membership: Membership, seconds: float, *, holds: bool) -> None:
        """Let time go by while the source reads."""
        until_s = self.now_s + seconds
        while self.now_s < until_s:
            membership.update(holds=holds)
            self.now_s += 0.5


def test_a_source_outside_its_group_is_a_problem_after_a_while() -> None:
    group = Group()
    membership = Membership("the source of t", lambda: group.member, lambda: group.now_s)
    group.look_for(membership, IDLE_AFTER_S - 1, holds=False)
    assert membership.problem is None
    group.look_for(membership, 3, holds=False)
    assert membership.problem is not None
    assert "the source of t has not been in its group" in membership.problem
    group.look_for(membership, 1, holds=True)
    assert membership.problem is None


def test_a_member_with_nothing_to_do_is_ready_and_explained_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    group = Group()
    group.member = True
    membership = Membership("the source of t", lambda: group.member, lambda: group.now_s)
    group.look_for(membership, 10 * IDLE_AFTER_S, holds=False)
    assert membership.problem is None
    assert [(each.message, vars(each)["reason"]) for each in caplog.records] == [
        ("source.idle", IDLE)
    ]
    # The group has forgotten it.
    group.member = False
    group.look_for(membership, 2, holds=False)
    assert membership.problem is not None
