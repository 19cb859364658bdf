"""The findings of `plaudit topics check` on topics that no setting names."""

from __future__ import annotations

from plaudit.kafka.admin.topic_diff import other_tiers


def test_topics_of_an_installation_with_a_longer_prefix_are_left_alone() -> None:
    ours = "a.deliveries."
    theirs = dict.fromkeys(["a.deliveries.attempts", "a.deliveries.deliveries.5s"])
    found = other_tiers([], ours, {**theirs, "a.deliveries.7s": None})
    assert [each.topic for each in found] == ["a.deliveries.7s"]
