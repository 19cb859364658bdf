"""Commits: soon after a completion, one at a time, and seen through before a worker leaves."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from plaudit.deliver.offsets import committer as commits
from plaudit.deliver.offsets.assignment import Assignment, Record
from plaudit.deliver.offsets.assignments import Assignments
from plaudit.deliver.offsets.committer import ANSWERED_WITHIN_S, COMMIT_EVERY_S, Committer
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


class Clock:
    """Stands for the time module."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def monotonic(self) -> float:
        """Return the present moment."""
        return self.now_s


class Working:
    """A lane whose records are finished one by one, and the commits that it made."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.offsets: list[int | None] = []
        self.holdings = Assignments({PARTITION.topic: 0}, lambda _: None)
        self.holdings.assign({PARTITION: CommittedOffset(0, "")}, lambda _: 0)
        self.committer = Committer(self)
        self.committer.commit_if_due(self.holdings)  # looks at all partitions, which it did not
        self.finished = 0

    def commit(self, places: Mapping[Partition, CommittedOffset], *, wait: bool) -> None:
        """Take a commit, and leave it unanswered."""
        assert not wait
        self.offsets += [place.offset for place in places.values()]

    def finish_one(self) -> None:
        """Read a record and finish it."""
        [assignment] = self.holdings.held.values()
        record = Record(assignment, self.finished, 0, b"x")
        assignment.offer([record])
        self.holdings.handed_over(assignment.take(0, 1))
        self.holdings.settled(record)
        self.finished += 1

    def turn(self, after_s: float) -> None:
        """Let the consumer thread come round after a while."""
        self.clock.now_s += after_s
        self.committer.commit_if_due(self.holdings)


@pytest.fixture
def working(monkeypatch: pytest.MonkeyPatch) -> Working:
    """Return a lane with a clock of its own."""
    clock = Clock()
    monkeypatch.setattr(commits, "time", clock)
    return Working(clock)


def test_a_completion_is_committed_at_once_and_the_next_ones_50_ms_later_at_most(
    working: Working,
) -> None:
    assert COMMIT_EVERY_S <= 0.05
    working.finish_one()
    working.turn(0.001)
    assert working.offsets == [1]
    working.committer.answered()
    for _ in range(3):
        working.finish_one()
    working.turn(COMMIT_EVERY_S / 2)
    assert working.offsets == [1], "not for each of them"
    working.turn(COMMIT_EVERY_S / 2)
    assert working.offsets == [1, 4]


def test_a_lane_at_rest_commits_nothing(working: Working) -> None:
    working.finish_one()
    working.turn(0.001)
    working.committer.answered()
    for _ in range(100):
        working.turn(COMMIT_EVERY_S)
    assert working.offsets == [1]


def test_the_next_commit_waits_for_the_previous_answer_but_not_forever(
    working: Working,
) -> None:
    working.finish_one()
    working.turn(0.001)
    working.finish_one()
    working.turn(COMMIT_EVERY_S)
    assert working.offsets == [1]
    assert working.committer.waits_for_answer
    working.committer.answered()
    working.turn(0.001)
    assert working.offsets == [1, 2]
    working.finish_one()
    working.turn(ANSWERED_WITHIN_S)
    assert working.offsets == [1, 2, 3]
