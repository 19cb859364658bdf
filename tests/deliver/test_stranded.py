"""A lost record is found, shown and processed again; in virtual time."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from deliver.world import assignment
from plaudit.deliver.model.defects import AGAIN_AFTER_S, Defects, Lost, Stage, defect_of
from plaudit.deliver.offsets.assignment import Record
from plaudit.deliver.stranded import CHECK_EVERY_S, StrandedWatch

PATIENCE_S = 60.0


@dataclass
class Desk:
    """A watch over one partition.

    Attributes:
        held: records that are in some hand.
        anew: offsets of records that were processed again.
        given_up: offsets of records that became dead letters.
    """

    held: list[Record] = field(default_factory=list)
    anew: list[int] = field(default_factory=list)
    given_up: list[int] = field(default_factory=list)
    now_s: float = 0.0

    def __post_init__(self) -> None:
        self.defects = Defects()
        self.watch = StrandedWatch(self, lambda: self.held, self.defects, PATIENCE_S)
        self.partition = assignment()

    def process_again(self, record: Record) -> None:
        self.anew.append(record.offset)

    def give_up(self, record: Record, error: Exception) -> None:
        assert isinstance(error, Lost)
        self.given_up.append(record.offset)

    def comes(self, offset: int) -> Record:
        """Hand a record over; no part of the worker has it yet."""
        record = self.partition.records[offset] = Record(self.partition, offset, 0, b"x")
        return record

    def wait(self, seconds: float) -> None:
        """Let time go by."""
        until_s = self.now_s + seconds
        while self.now_s < until_s:
            self.now_s += CHECK_EVERY_S / 2
            self.watch.check([self.partition], self.now_s)


def test_a_stranded_record_is_started_again_after_every_time_out() -> None:
    desk = Desk()
    desk.comes(7)
    desk.wait(PATIENCE_S - CHECK_EVERY_S)
    assert not desk.anew
    assert not desk.watch.problems
    desk.wait(3 * CHECK_EVERY_S)
    assert desk.anew == [7]
    assert len(desk.watch.stranded) == 1
    assert "events[0]@7" in desk.watch.problems[0]
    assert desk.defects.counts[Stage.LOST] == 1


def test_a_record_that_finishes_after_its_restart_is_not_stranded() -> None:
    desk = Desk()
    desk.comes(0)
    desk.wait(2 * PATIENCE_S)
    del desk.partition.records[0]
    desk.wait(CHECK_EVERY_S)
    assert not desk.watch.problems


def test_a_delivery_that_is_lost_twice_becomes_a_dead_letter() -> None:
    desk = Desk()
    desk.comes(0)
    desk.wait(3 * PATIENCE_S)
    assert desk.anew == [0]
    assert desk.given_up
    assert set(desk.given_up) == {0}


def test_a_record_that_is_held_for_days_is_left_alone() -> None:
    desk = Desk()
    desk.held.append(desk.comes(0))
    desk.comes(1)
    desk.wait(5_000)
    assert desk.anew == [1]
    assert 0 not in desk.given_up


def test_records_that_arrive_and_are_settled_are_never_stranded() -> None:
    desk = Desk()
    for offset in range(200):
        desk.comes(offset)
        desk.wait(CHECK_EVERY_S)
        if offset:
            del desk.partition.records[offset - 1]
    assert not desk.anew


def test_records_released_in_a_rebalance_are_read_by_the_next_owner() -> None:
    desk = Desk()
    desk.comes(0)
    desk.partition.active = False
    desk.wait(3 * PATIENCE_S)
    assert not desk.anew


def test_a_record_that_one_check_misses_is_on_its_way_to_the_consumer_thread() -> None:
    desk = Desk()
    record = desk.comes(0)
    desk.held.append(record)
    desk.wait(2 * PATIENCE_S)
    desk.held.clear()
    desk.watch.check([desk.partition], desk.now_s + CHECK_EVERY_S)
    desk.held.append(record)
    desk.now_s += CHECK_EVERY_S
    desk.wait(PATIENCE_S)
    assert not desk.anew


def raised(error: Exception) -> Exception:
    """Return an error that was raised."""
    try:
        raise error
    except type(error) as found:
        return found


def test_each_kind_of_defect_is_logged_once_in_a_while_and_counted_each_time(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now_s = [0.0]
    defects = Defects(lambda: now_s[0])
    assert set(defects.counts) == set(Stage)
    for _ in range(3):
        defects.note(Stage.DECIDE, raised(ValueError("a secret")))
    defects.note(Stage.RENDER, raised(KeyError("x")))
    assert [each.levelname for each in caplog.records] == ["ERROR", "ERROR"]
    assert caplog.records[0].exc_info
    now_s[0] += AGAIN_AFTER_S
    defects.note(Stage.DECIDE, raised(ValueError("again")))
    assert len(caplog.records) == 3
    assert (defects.counts[Stage.DECIDE], defects.counts[Stage.RENDER]) == (4, 1)


def test_a_defect_is_logged_with_kind_and_place_but_without_data() -> None:
    said = str(defect_of(raised(ValueError("a secret"))))
    assert "ValueError" in said
    assert "test_stranded.py:" in said
    assert "secret" not in said
