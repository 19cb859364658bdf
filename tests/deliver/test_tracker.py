"""The window and its bitmap, against a model that simply remembers everything."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from bitmaps import metadata
from plaudit.deliver.offsets import bitmap
from plaudit.deliver.offsets.window import Window, WindowLimits


class WindowMachine(RuleBasedStateMachine):
    """Receives with gaps, completes in any order, restarts from what was committed."""

    @initialize(start=st.integers(0, 1_000))
    def begin(self, start: int) -> None:
        self.window = Window(start)
        self.log_end = start
        self.log: list[int] = []  # every offset that exists in the log
        self.done: set[int] = set()  # settled at any time, by any run
        self.handed: set[int] = set()  # handed over in this run
        self.read_to = start

    @rule(gaps=st.lists(st.integers(0, 5), min_size=1, max_size=20))
    def append_and_receive(self, gaps: list[int]) -> None:
        for gap in gaps:
            offset = self.log_end + gap
            self.log.append(offset)
            self.log_end = offset + 1
        self._receive()

    @rule(data=st.data())
    def complete_one(self, data: st.DataObject) -> None:
        pending = sorted(self.handed - self.done)
        if pending:
            offset = data.draw(st.sampled_from(pending))
            assert self.window.complete(offset)
            assert not self.window.complete(offset), "a second completion must not count"
            self.done.add(offset)

    @rule()
    def restart_from_what_was_committed(self) -> None:
        place = self.window.committable
        metadata = self.window.metadata()
        self.window = Window(place, bitmap.decode(place, metadata))
        self.handed = set()
        self.read_to = place
        self._receive()

    def _receive(self) -> None:
        for offset in self.log:
            if offset < self.read_to:
                continue
            fresh = self.window.receive(offset, 10)
            assert fresh == (offset not in self.done), "done is skipped, and nothing else"
            if fresh:
                self.handed.add(offset)
        self.read_to = self.log_end

    @invariant()
    def nothing_undone_is_below_the_committable_offset(self) -> None:
        if not hasattr(self, "window"):
            return
        committable = self.window.committable
        assert all(offset in self.done for offset in self.log if offset < committable)
        undone = [offset for offset in self.log if offset not in self.done]
        assert committable == (undone[0] if undone else committable)
        assert self.window.pending == len(self.handed - self.done)


TestWindow = WindowMachine.TestCase
TestWindow.settings = settings(max_examples=80, stateful_step_count=30, deadline=None)


@given(committed=st.integers(0, 2**40), ahead=st.sets(st.integers(1, 30_000), max_size=200))
def test_a_bitmap_reads_back_what_fits_and_never_more(committed: int, ahead: set[int]) -> None:
    offsets = sorted(committed + place for place in ahead)
    text = metadata(committed, offsets)
    assert len(text) <= bitmap.MOST_CHARACTERS
    read = bitmap.decode(committed, text)
    assert read == [each for each in offsets if each - committed <= bitmap.MOST_BITS]


def test_a_contiguous_window_commits_no_metadata() -> None:
    assert metadata(7, []) == ""
    assert bitmap.decode(7, "") == []


@pytest.mark.parametrize("text", ["x", "p2:AAAA", "p1:***", "p1:A", "{}", "p1:" + "A" * 4_100])
def test_foreign_metadata_is_recognized(text: str) -> None:
    with pytest.raises(bitmap.ForeignMetadata):
        bitmap.decode(0, text)


@given(st.text(max_size=60))
def test_no_metadata_makes_reading_crash(text: str) -> None:
    with contextlib.suppress(bitmap.ForeignMetadata):
        bitmap.decode(5, text)


def test_a_window_is_full_by_span_and_by_bytes() -> None:
    window = Window(0)
    limits = WindowLimits(span=3, bytes=100)
    window.receive(0, 10)
    window.receive(2, 10)
    assert not window.has_room(limits), "the span counts gaps"
    window.complete(0)
    assert window.has_room(limits)
    window.receive(3, 95)
    assert not window.has_room(limits)


def test_a_window_with_all_records_done_commits_after_the_last() -> None:
    window = Window(5)
    assert window.committable == 5
    window.receive(9, 1)
    window.complete(9)
    assert window.committable == 10
    window.advance(50)
    assert window.committable == 50


def test_a_gap_of_any_length_uses_no_memory() -> None:
    """Retention removes records, so the first that is left may be a trillion offsets further."""
    window = Window(0)
    far = 10**12
    for offset in (3, far, far + 1, far + 2):
        assert window.receive(offset, 10)
    assert window.complete(far + 1), "the head holds the commit back: its bit does not fit"
    assert (window.committable, window.metadata()) == (3, "")
    assert window.complete(3)
    assert window.complete(far + 2)
    assert window.committable == far
    assert bitmap.decode(far, window.metadata()) == [far + 2]
