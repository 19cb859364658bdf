"""The seam between a source's thread and the event loop."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

from plaudit.deliver.offsets.assignment import Assignment, Record
from plaudit.deliver.offsets.bridge import LoopBridge
from plaudit.deliver.offsets.pause_gate import PauseGate
from plaudit.kafka.read.consumer import Partition

ON_THE_WAY: Final = 50
"""With so many records between the threads, the source reads no more."""


@dataclass(frozen=True, slots=True)
class Passage:
    """What the entrance of a lane leads to.

    Attributes:
        lane: takes the records, in the event loop.
        hold: on while a rebalance is under way, or nothing can be written down.
        has_room: whether more records can be taken in; from any thread.
        leave: begins nothing more of partitions that are given up, in the event loop.
        divert_rest: diverts what waits of partly delivered records, in the event loop.
        failed: hears of the end of a source, in the event loop.
    """

    lane: LoopBridge
    hold: PauseGate
    has_room: Callable[[], bool]
    leave: Callable[[Collection[Assignment]], None]
    divert_rest: Callable[[Collection[Assignment]], None]
    failed: Callable[[Exception], None]


class Entrance:
    """Takes the records of a source into its lane; the source's `RecordSink`.

    What has no underscore is called in the source's thread, what has one in the event loop's.

    Args:
        passage: where it leads.
        loop: the lane's.
    """

    def __init__(self, passage: Passage, loop: asyncio.AbstractEventLoop) -> None:
        self._passage = passage
        self._loop = loop
        # Records; the count is written by the consumer thread only.
        self._handed = 0

    def hand_over(self, records: list[Record]) -> None:
        """Take records that may run now."""
        self._handed += len(records)
        self._loop.call_soon_threadsafe(self._passage.lane.receive, records, time.monotonic())

    def has_room(self) -> bool:
        """Return whether more records can be taken.

        Not while many are on their way: the loop, which may be busy, is not to be overrun.
        """
        passage = self._passage
        if passage.hold.on:
            return passage.has_room()
        on_the_way = self._handed - passage.lane.received + passage.lane.arrived
        return on_the_way < ON_THE_WAY and passage.has_room()

    def hold(self, assignments: Collection[Assignment]) -> threading.Event:
        """Begin nothing more until `go_on`.

        Returns:
            Set when the event loop has diverted the rest of partly delivered records.
        """
        self._passage.hold.begin()
        return self._in_loop(self._passage.divert_rest, assignments)

    def leave(self, assignments: Collection[Assignment]) -> threading.Event:
        """Begin nothing more of these.

        Returns:
            Set when the event loop has done so.
        """
        return self._in_loop(self._passage.leave, assignments)

    def go_on(self) -> None:
        """Go on with what is still ours."""
        ticket = self._passage.hold.ticket()
        self._loop.call_soon_threadsafe(self._passage.lane.go_on, ticket)

    def lost(self, partition: Partition, count: int) -> None:
        """Count what the log dropped before it was read."""
        counts = self._passage.lane.lost_records
        counts[partition.topic] = counts.get(partition.topic, 0) + count

    def position_reset(self, partition: Partition) -> None:
        """Count a position that was past the end of its log."""
        counts = self._passage.lane.positions_reset
        counts[partition.topic] = counts.get(partition.topic, 0) + 1

    def failed(self, error: Exception) -> None:
        """Pass on that the source has ended."""
        self._loop.call_soon_threadsafe(self._passage.failed, error)

    def _in_loop(
        self,
        act: Callable[[Collection[Assignment]], None],
        assignments: Collection[Assignment],
    ) -> threading.Event:
        acted = threading.Event()
        self._loop.call_soon_threadsafe(self._act, act, assignments, acted)
        return acted

    def _act(
        self,
        act: Callable[[Collection[Assignment]], None],
        assignments: Collection[Assignment],
        acted: threading.Event,
    ) -> None:
        try:
            act(assignments)
        finally:
            acted.set()
