"""Commits that a rebalance refuses: seen through before a worker leaves."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from plaudit.deliver.offsets.assignment import Assignment, Record
from plaudit.deliver.offsets.committer import Committer
from plaudit.kafka.errors import KafkaFailure
from plaudit.kafka.read.consumer import CommittedOffset, Partition

PARTITION = Partition("events", 0)


class Group:
    """A consumer whose commits are refused with each of these codes, one after the other."""

    def __init__(self, *refusals: str) -> None:
        self.refusals = list(refusals)
        self.committed: list[Mapping[Partition, CommittedOffset]] = []
        self.polls = 0

    def commit(self, places: Mapping[Partition, CommittedOffset], *, wait: bool) -> None:
        assert wait
        if self.refusals:
            raise KafkaFailure("commit", "refused", self.refusals.pop(0))
        self.committed.append(places)

    def poll(self) -> None:
        self.polls += 1


def held() -> list[Assignment]:
    def release(_: Record) -> None: ...

    return [Assignment(PARTITION, 0, CommittedOffset(None, ""), 7, release)]


@pytest.mark.parametrize(
    ("refusals", "polls", "commits"),
    [
        ((), 0, 1),
        (("ILLEGAL_GENERATION", "REBALANCE_IN_PROGRESS"), 2, 1),
        (("NOT_COORDINATOR",), 0, 0),
    ],
    ids=["taken at once", "refused by a rebalance", "refused for another reason"],
)
def test_the_last_commit_is_repeated_after_the_rebalance_that_refused_it(
    refusals: tuple[str, ...], polls: int, commits: int
) -> None:
    group = Group(*refusals)
    assignments = held()
    Committer(group).commit_last(lambda: assignments, group.poll)
    assert (group.polls, len(group.committed)) == (polls, commits)


def test_a_failing_commit_is_logged_once_and_as_news_during_a_rebalance(
    caplog: pytest.LogCaptureFixture,
) -> None:
    group = Group("NOT_COORDINATOR", "NOT_COORDINATOR", "REBALANCE_IN_PROGRESS")
    committer, assignments = Committer(group), held()
    caplog.set_level("INFO")
    for _ in range(4):
        committer.commit_now(assignments)
    assert [(each.message, each.levelname) for each in caplog.records] == [
        ("offsets.commit_failed", "WARNING"),
        ("offsets.commit_failed", "INFO"),
    ]
