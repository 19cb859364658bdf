"""Rate limits of keys."""

from __future__ import annotations

from plaudit.api.rate_limits import REMEMBERED, RateLimits


def test_a_key_that_calls_too_often_waits_and_others_do_not() -> None:
    now = 0.0
    limits = RateLimits(2, lambda: now)
    assert [limits.wait_s("a") for _ in range(5)] == [0, 0, 0, 0, 1], "two seconds' worth at once"
    assert limits.wait_s("b") == 0
    now = 0.5
    assert [limits.wait_s("a"), limits.wait_s("a")] == [0, 1]


def test_idle_keys_are_forgotten() -> None:
    limits = RateLimits(0.001, lambda: 0.0)
    assert [limits.wait_s("a"), limits.wait_s("a")] == [0, 1_000]
    for number in range(REMEMBERED):
        limits.wait_s(str(number))
    assert limits.wait_s("a") == 0


def test_without_a_limit_no_request_waits() -> None:
    limits = RateLimits(0)
    assert [limits.wait_s("a") for _ in range(1_000)] == [0] * 1_000
