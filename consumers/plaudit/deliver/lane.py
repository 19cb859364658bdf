"""The seam between a source's thread and the event loop, and partitions that have to wait.

A partition waits when its next record can't be judged yet: its schema is not known, or the table of
endpoints is not current. It is looked at again every half second; the others go on.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Final

from plaudit.deliver.defects import place_of
from plaudit.deliver.delivery import Record
from plaudit.deliver.hold import Hold
from plaudit.deliver.offsets.partition import Assignment
from plaudit.kafka.consumer import Partition

_log = logging.getLogger(__name__)

LOOK_AGAIN_S: Final = 0.5
ON_THE_WAY: Final = 50
"""With so many records between the threads, no more are read."""
SLICE_S: Final = 0.01
"""Records are begun for so long at a time: a hundred that 64 endpoints each want take a second."""


class MustWait(Exception):
    """A record can't be judged yet.

    Attributes:
        reason: what is missing, and what brings it.
        everywhere: whether every partition lacks it, so that one need tell.
    """

    def __init__(self, reason: str, *, everywhere: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.everywhere = everywhere


@dataclass(frozen=True, slots=True)
class Hooks:
    """What a lane needs from the worker.

    Attributes:
        begin: judges one record and begins its deliveries; raises MustWait when it can't yet.
        give_up: makes a dead letter of one that a defect of ours keeps from that; raises the same.
        has_room: whether more records can be taken in; from any thread.
        hold: set while a rebalance is under way, or nothing can be written down.
        leave: begins nothing more of partitions that are given up, in the event loop.
        go_on: begins attempts again after one, in the event loop.
        failed: hears of the end of the source, in the event loop.
    """

    begin: Callable[[Record], None]
    give_up: Callable[[Record, Exception], None]
    has_room: Callable[[], bool]
    hold: Hold
    leave: Callable[[Collection[Assignment]], None]
    go_on: Callable[[], None]
    failed: Callable[[Exception], None]


class Lane:
    """Takes records from a source into the event loop.

    Args:
        name: `events` or `deliveries`.
        hooks: what to do with them.
        loop: whose thread everything runs in but what a source calls (`Engine` there).
    """

    def __init__(self, name: str, hooks: Hooks, loop: asyncio.AbstractEventLoop) -> None:
        self.name = name
        self.lost_records: dict[str, int] = {}
        self._hooks = hooks
        self._loop = loop
        self._waiting: dict[Assignment, deque[Record]] = {}
        self._reasons: dict[Assignment, str] = {}
        # Records; each count is written by one thread only.
        self._handed = 0
        self._received = 0
        self._arrived: deque[Record] = deque()
        self._begins_later = False

    def hand_over(self, records: list[Record]) -> None:
        """Take records that may run now; called in the source's thread."""
        self._handed += len(records)
        self._loop.call_soon_threadsafe(self._receive, records)

    def has_room(self) -> bool:
        """Return whether more records can be taken; called in the source's thread.

        Not while many are on their way: the loop, which may be busy, is not to be overrun.
        """
        if self._hooks.hold.on:
            return self._hooks.has_room()
        on_the_way = self._handed - self._received + len(self._arrived)
        return on_the_way < ON_THE_WAY and self._hooks.has_room()

    def hold(self) -> None:
        """Begin nothing more until `go_on`; called in the source's thread."""
        self._hooks.hold.begin()

    def leave(self, assignments: Collection[Assignment]) -> threading.Event:
        """Begin nothing more of these; called in the source's thread.

        Returns:
            Set when the event loop has done so.
        """
        left = threading.Event()
        self._loop.call_soon_threadsafe(self._leave, assignments, left)
        return left

    def go_on(self) -> None:
        """Go on with what is still ours; called in the source's thread."""
        self._loop.call_soon_threadsafe(self._go_on, self._hooks.hold.ticket())

    def lost(self, partition: Partition, count: int) -> None:
        """Count what the log dropped before it was read; called in the source's thread."""
        self.lost_records[partition.topic] = self.lost_records.get(partition.topic, 0) + count

    def failed(self, error: Exception) -> None:
        """Pass on that the source has ended; called in its thread."""
        self._loop.call_soon_threadsafe(self._hooks.failed, error)

    @property
    def waiting(self) -> dict[Partition, str]:
        """Partitions that wait, and for what."""
        return {each.partition: reason for each, reason in self._reasons.items()}

    @property
    def held_up(self) -> bool:
        """Whether nothing may be begun for now."""
        return self._hooks.hold.on

    @property
    def records(self) -> Iterator[Record]:
        """Records that are held here; in the event loop's thread."""
        yield from self._arrived
        for held in self._waiting.values():
            yield from held

    def begin_anew(self, record: Record) -> None:
        """Begin a record again that was lost here; in the event loop's thread."""
        self._arrived.append(record)
        if not self._begins_later:
            self._begin_some()

    def give_up(self, record: Record, error: Exception) -> None:
        """Make a dead letter of a record that a defect of ours keeps from its way."""
        try:
            self._hooks.give_up(record, error)
        except MustWait as wait:
            self._wait(record, wait)
        except Exception:  # noqa: BLE001 - logged; see below
            # The watch over stranded records finds it, and begins it anew.
            _log.exception("record.stranded", extra={"record": place_of(record)})

    async def run(self) -> None:
        """Look at waiting partitions again and again, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_AGAIN_S)
            if self._hooks.hold.on:
                continue
            try:
                self._look()
            except Exception:  # noqa: BLE001 - logged; the next look comes soon
                _log.exception("lane.defect")

    def _look(self) -> None:
        for assignment in tuple(self._waiting):
            self._look_again(assignment)
        for assignment in self._reasons.keys() - self._waiting.keys():
            # A defect came between: nothing holds it any more.
            assignment.waits = False
            self._reasons.pop(assignment, None)
        if self._arrived:
            self._begin_some()

    def _leave(self, assignments: Collection[Assignment], left: threading.Event) -> None:
        try:
            self._hooks.leave(assignments)
        finally:
            left.set()

    def _go_on(self, ticket: int) -> None:
        self._hooks.hold.end(ticket)
        self._begin_again()

    def stall(self, *, stalled: bool) -> None:
        """Begin nothing while what was done can't be written down; in the event loop."""
        if self._hooks.hold.stalled != stalled:
            self._hooks.hold.stalled = stalled
            self._begin_again()

    def _begin_again(self) -> None:
        if self._hooks.hold.on:
            return
        self._hooks.go_on()
        self._begin_some()

    def _receive(self, records: list[Record]) -> None:
        self._received += len(records)
        self._arrived.extend(records)
        if not self._begins_later:
            self._begin_some()

    def _begin_some(self) -> None:
        """Begin what has arrived, for a slice of time; the loop serves others before the rest."""
        self._begins_later = False
        until_s = time.monotonic() + SLICE_S
        while self._arrived and not self._hooks.hold.on:
            self._begin(self._arrived.popleft())
            if self._arrived and time.monotonic() >= until_s:
                self._begins_later = True
                self._loop.call_soon(self._begin_some)
                return

    def _begin(self, record: Record) -> None:
        assignment = record.assignment
        if not assignment.active:
            return  # given up meanwhile: whoever has it now reads the record again
        if assignment in self._waiting:
            self._waiting[assignment].append(record)
            return
        try:
            self._hooks.begin(record)
        except MustWait as wait:
            self._wait(record, wait)
        except Exception as error:  # noqa: BLE001 - a defect of ours must not hold a partition
            self.give_up(record, error)

    def _look_again(self, assignment: Assignment) -> None:
        held = self._waiting.pop(assignment)
        self._begin(held.popleft())
        if assignment in self._waiting:
            # It has to wait again, and those behind it wait with it.
            self._waiting[assignment].extend(held)
            return
        assignment.waits = False
        self._reasons.pop(assignment, None)
        self._arrived.extendleft(reversed(held))
        if not self._begins_later:
            self._begin_some()

    def _wait(self, record: Record, wait: MustWait) -> None:
        """Keep a record, and what comes after it, until it can be judged."""
        self._waiting[record.assignment] = deque([record])
        record.assignment.waits = True
        self._say(record.assignment, wait)

    def _say(self, assignment: Assignment, wait: MustWait) -> None:
        """Log a reason once, not at every look, nor for every partition that has the same."""
        known = self._reasons.get(assignment)
        told = known == wait.reason or (wait.everywhere and wait.reason in self._reasons.values())
        self._reasons[assignment] = wait.reason
        if not told:
            _log.warning(
                "partition.waits",
                extra={"partition": str(assignment.partition), "reason": wait.reason},
            )
