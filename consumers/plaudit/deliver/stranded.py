"""Watch over stranded records.

A record in hand waits in a queue, is in flight, or is being written. If none of these holds for
longer than every time-out, a defect has lost the record, and its partition can't be committed. So
the worker processes the record again from its bytes, and repeats the deliveries that succeeded. A
record that is lost again becomes a dead letter.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple, Protocol

from plaudit.deliver.model.defects import Defects, Lost, Stage
from plaudit.deliver.offsets.assignment import Assignment, Record
from plaudit.logs.logger import event_logger

_log = event_logger(__name__)

CHECK_EVERY_S: Final = 5.0
MARGIN_S: Final = 30.0
"""Margin over twice the longest time-out, longer than every step without a time-out."""

Place = tuple[Assignment, int]


class StrandedHandler(Protocol):
    """Handler of stranded records; `LoopBridge` is one."""

    def process_again(self, record: Record) -> None:
        """Process a record as if it were new."""
        ...

    def give_up(self, record: Record, error: Exception) -> None:
        """Write a record to the dead letters."""
        ...


class _Mark(NamedTuple):
    """Offset up to which each partition had been handed over at some time."""

    at_s: float
    ends: dict[Assignment, int]


class StrandedWatch:
    """Finds stranded records of a lane; belongs to the event loop's thread.

    Args:
        lane: processes stranded records again.
        held: returns the records in queues, in flight, and being written.
        defects: counts stranded records.
        patience_s: seconds after which a missing record is stranded.

    Attributes:
        patience_s: seconds after which a missing record is stranded.
        stranded: unfinished stranded records, with the number of times that they were found.
    """

    def __init__(
        self,
        lane: StrandedHandler,
        held: Callable[[], Iterable[Record]],
        defects: Defects,
        patience_s: float,
    ) -> None:
        self._lane = lane
        self._held = held
        self._defects = defects
        self.patience_s = patience_s
        self._marks: deque[_Mark] = deque()
        self._absent: set[Place] = set()
        self._check_at_s = 0.0
        self.stranded: dict[Place, int] = {}

    @property
    def problems(self) -> list[str]:
        """Descriptions of the stranded records; from any thread."""
        stranded = tuple(self.stranded)
        if not stranded:
            return []
        (topic, number), offset = stranded[0][0].partition, stranded[0][1]
        first = f"{topic}[{number}]@{offset}"
        return [f"{len(stranded)} records that a defect lost are started again, first {first}"]

    def check(self, assignments: Sequence[Assignment], now_s: float) -> None:
        """Find stranded records, every few seconds.

        Args:
            assignments: partitions that the lane holds.
            now_s: monotonic seconds.
        """
        if now_s < self._check_at_s:
            return
        self._check_at_s = now_s + CHECK_EVERY_S
        old = self._old(assignments, now_s)
        absent = self._absent_of(old) if old else {}
        # A completed record is briefly in the consumer thread only, so it must be missing twice.
        found = [record for place, record in absent.items() if place in self._absent]
        self._absent = absent.keys() - {_place(record) for record in found}
        in_hand = {_place(record) for record in old}
        self.stranded = {each: n for each, n in self.stranded.items() if each in in_hand}
        for record in found:
            try:
                self._process_again(record)
            except Exception as error:  # noqa: BLE001 - the record is found again; the others proceed
                self._defects.note(Stage.LOST, error, record)

    def _old(self, assignments: Sequence[Assignment], now_s: float) -> list[Record]:
        """Return the unfinished records that were handed over long ago."""
        ends = {each: next(reversed(each.records), -1) + 1 for each in assignments}
        self._marks.append(_Mark(now_s, ends))
        while len(self._marks) > 1 and self._marks[1].at_s <= now_s - self.patience_s:
            self._marks.popleft()
        mark = self._marks[0]
        if mark.at_s > now_s - self.patience_s:
            return []
        return [
            record
            for each in assignments
            if each.active
            for record in each.records.copy().values()
            if record.offset < mark.ends.get(each, 0)
        ]

    def _absent_of(self, old: Sequence[Record]) -> dict[Place, Record]:
        held = {_place(record) for record in self._held()}
        return {place: record for record in old if (place := _place(record)) not in held}

    def _process_again(self, record: Record) -> None:
        place = _place(record)
        times = self.stranded[place] = self.stranded.get(place, 0) + 1
        lost = Lost("no part of the worker had the record in hand")
        self._defects.note(Stage.LOST, lost)
        _log.error("record.stranded", extra={"record": record.place, "times": times})
        if times == 1:
            self._lane.process_again(record.as_read())
        else:
            self._lane.give_up(record.as_read(), lost)


def _place(record: Record) -> Place:
    return record.assignment, record.offset
