"""The event loop's side of a lane, and partitions that have to wait.

A partition waits when its next record can't be judged yet: its schema is not known, or the table of
endpoints is not current. It is looked at again every half second; the others go on.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from plaudit.deliver.offsets.assignment import Assignment, Record
from plaudit.deliver.offsets.blocked import Blockage, Blockages, RecordBlocked
from plaudit.deliver.offsets.pause_gate import PauseGate
from plaudit.kafka.broker_clock import BrokerClock
from plaudit.logs.logger import event_logger

_log = event_logger(__name__)

LOOK_AGAIN_S: Final = 0.5
LATE_FOR_MS: Final = 60_000
SLICE_S: Final = 0.01
"""Records are begun for so long at a time: a hundred that 64 endpoints each want take a second."""


@dataclass(frozen=True, slots=True)
class Hooks:
    """What a lane needs from the worker.

    Attributes:
        begin: judges one record and begins its deliveries; raises MustWait when it can't yet.
        give_up: makes a dead letter of one that a defect of ours keeps from that; raises the same.
        hold: on while a rebalance is under way, or nothing can be written down.
        go_on: begins attempts again after one, in the event loop.
    """

    begin: Callable[[Record], None]
    give_up: Callable[[Record, Exception], None]
    hold: PauseGate
    go_on: Callable[[], None]


class LoopBridge:
    """Takes records from its source; belongs to the event loop's thread.

    Args:
        name: `events` or `deliveries`.
        hooks: what to do with them.
        loop: whose thread everything runs in.
        clock: the brokers' time, by which records are due.
    """

    def __init__(
        self, name: str, hooks: Hooks, loop: asyncio.AbstractEventLoop, clock: BrokerClock
    ) -> None:
        self.name = name
        self.lost_records: dict[str, int] = {}
        self.positions_reset: dict[str, int] = {}
        self._hooks = hooks
        self._loop = loop
        self._clock = clock
        self._waiting: dict[Assignment, deque[Record]] = {}
        self._blocked = Blockages()
        self._arrived: deque[Record] = deque()
        self._begins_later = False
        # How late the last batch came, and when, both in milliseconds of the brokers' clock.
        self._late_ms, self._late_at_ms = 0, 0

    @property
    def arrived(self) -> int:
        """Records that have arrived and are not begun; from any thread."""
        return len(self._arrived)

    @property
    def late_s(self) -> float:
        """How late the latest records came here; 0 when there were none for a minute."""
        is_news = self._clock.now_ms() - self._late_at_ms < LATE_FOR_MS
        return self._late_ms / 1_000 if is_news else 0.0

    @property
    def blocked(self) -> Sequence[Blockage]:
        """Partitions that stand still, and why; from any thread."""
        return self._blocked.now

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
        except RecordBlocked as wait:
            self._wait(record, wait)
        except Exception:  # noqa: BLE001 - logged; see below
            # The watch over stranded records finds it, and begins it anew.
            _log.exception("record.stranded", extra={"record": record.place})

    async def run(self) -> None:
        """Look at waiting partitions again and again, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_AGAIN_S)
            if self._hooks.hold.on:
                continue
            try:
                self.look()
            except Exception:  # noqa: BLE001 - logged; the next look comes soon
                _log.exception("lane.failed")

    def look(self) -> None:
        """Begin what can be judged by now, and what a defect has kept waiting."""
        for assignment in tuple(self._waiting):
            self._look_again(assignment)
        for assignment in self._blocked.assignments - self._waiting.keys():
            # A defect came between: nothing holds it any more.
            assignment.waits = False
            self._blocked.over(assignment)
        if self._arrived:
            self._begin_some()

    def go_on(self, ticket: int) -> None:
        """Begin again what the source had held up, as far as it is still ours."""
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

    def receive(self, records: list[Record]) -> None:
        """Begin these records after those before them, once the lane is not held up any more."""
        self._late_at_ms = self._clock.now_ms()
        self._late_ms = max(0, self._late_at_ms - records[0].due_ms)
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
        except RecordBlocked as wait:
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
        self._blocked.over(assignment)
        self._arrived.extendleft(reversed(held))
        if not self._begins_later:
            self._begin_some()

    def _wait(self, record: Record, wait: RecordBlocked) -> None:
        """Keep a record, and what comes after it, until it can be judged."""
        self._waiting[record.assignment] = deque([record])
        record.assignment.waits = True
        self._blocked.note(record, wait)
