"""`RateLimit` fields are read in each of their forms, no value raises, and quotas are kept."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deliver.pipeline import Pipeline
from deliver.world import Behavior, World, answer, endpoint
from plaudit.deliver.isolation.answers import hold_s
from plaudit.deliver.model.quota import Quota, quota, read_quota

NOW_MS = 1_800_000_000_000
LIMITED = endpoint("limited")


@pytest.mark.parametrize(
    "fields",
    [
        {"ratelimit": '"default";r=50;t=30'},
        {"ratelimit": '"a,;r=1";r=50;t=30;pk=:AAA=:'},
        {"ratelimit": '"hourly";r=990;t=3000, "burst";r=50;t=30'},
        {"ratelimit": "limit=100, remaining=50, reset=30"},
        {"ratelimit-remaining": "50", "ratelimit-reset": "30"},
        {"x-ratelimit-remaining": " 50", "x-ratelimit-reset": "30"},
        {"x-ratelimit-remaining": "50", "x-ratelimit-reset": "1800000030"},
        {"x-ratelimit-remaining": "50", "x-ratelimit-reset": "1800000030000"},
    ],
)
def test_each_form_is_read(fields: dict[str, str]) -> None:
    assert read_quota(fields, NOW_MS) == Quota(50, 30_000)


@pytest.mark.parametrize(
    "fields",
    [
        {"ratelimit": '"default";r=50'},
        {"ratelimit": '"default";r=-1;t=30'},
        {"ratelimit": '"default";r=5;t=99999999'},
        {"ratelimit": "r" * 10_000},
        {"x-ratelimit-remaining": "50"},
        {"x-ratelimit-remaining": "50", "x-ratelimit-reset": "soon"},
        {"x-ratelimit-remaining": "50", "x-ratelimit-reset": "1700000000"},
        {"x-ratelimit-remaining": "50", "x-ratelimit-reset": "9" * 400},
    ],
)
def test_ambiguous_values_are_ignored(fields: dict[str, str]) -> None:
    assert read_quota(fields, NOW_MS) is None


@given(st.text(), st.text(), st.text())
def test_no_value_raises(structured: str, remaining: str, reset: str) -> None:
    read_quota({"ratelimit": structured}, NOW_MS)
    read_quota({"ratelimit-remaining": remaining, "ratelimit-reset": reset}, NOW_MS)


def test_names_are_read_in_any_case() -> None:
    said = answer(200, X_RateLimit_Remaining="3", X_RATELIMIT_RESET="4")
    assert quota(said, NOW_MS) == Quota(3, 4_000)


def test_a_429_without_retry_after_waits_for_the_quota() -> None:
    assert hold_s(answer(429, ratelimit='"a";r=0;t=7'), NOW_MS) == 7
    assert hold_s(answer(429, ratelimit='"a";r=0;t=7', retry_after="2"), NOW_MS) == 2
    assert hold_s(answer(429, ratelimit='"a";r=5;t=7'), NOW_MS) == 0
    assert hold_s(answer(200, ratelimit='"a";r=0;t=7'), NOW_MS) == 0


def test_a_quota_that_is_used_up_is_waited_for() -> None:
    world = World(serves_all=True)
    world.behaves["limited"] = Behavior(0.01, answer(200, ratelimit='"a";r=0;t=10'))
    world.comes(LIMITED)
    world.run(0.5)
    world.comes(LIMITED)
    world.run(9)
    assert len(world.sent["limited"]) == 1
    world.run(1)
    assert len(world.sent["limited"]) == 2


@pytest.mark.parametrize(("at_once", "sent"), [(3, 4), (4, 4)])
def test_requests_on_their_way_count_as_taken(at_once: int, sent: int) -> None:
    """With the first of four answers, three requests are open, and three are left."""
    world = World(serves_all=True)
    world.behaves["limited"] = Behavior(1.0, answer(200, ratelimit='"a";r=3;t=10'))
    world.comes(LIMITED, at_once)
    world.run(1.1)
    world.comes(LIMITED)
    world.run(5)
    assert len(world.sent["limited"]) == sent


@dataclass
class Quotas(Behavior):
    """A quota of requests in each 10 s; each answer says how many are left."""

    most: int = 400
    window: int = 0
    taken: int = 0

    def next(self, now_s: float) -> Behavior:
        if int(now_s / 10) != self.window:
            self.window, self.taken = int(now_s / 10), 0
        fits = self.taken < self.most
        self.taken += fits
        left_s = 10 - int(now_s) % 10
        said = f'"default";r={self.most - self.taken};t={left_s}'
        return Behavior(self.takes_s, answer(200 if fits else 429, ratelimit=said))


def test_a_backlog_is_served_at_the_quota_with_hardly_a_refusal() -> None:
    made = Pipeline()
    made.behaves["limited"] = Quotas(0.05)
    made.publish(LIMITED, 4_000)
    made.time.run(120)
    assert len(made.took["limited"]) >= 0.9 * 4_000
    assert made.refused["limited"] <= 64, "what the other lane has on its way, once"
