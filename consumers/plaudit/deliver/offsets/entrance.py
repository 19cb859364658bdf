"""Entrance of a lane: the seam between its consumer thread and the event loop."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from typing import Final

from plaudit.deliver.offsets.assignment import Assignment, Record
from plaudit.deliver.offsets.bridge import LoopBridge
from plaudit.deliver.offsets.pause_gate import PauseGate
from plaudit.kafka.read.consumer import Partition

ON_THE_WAY: Final = 50
"""Records between the threads, from which on the consumer thread stops reading."""


@dataclass(frozen=True, slots=True)
class Passage:
    """Parts of a lane behind its entrance.

    Attributes:
        lane: takes the records, in the event loop.
        gate: closed during a rebalance, and while nothing can be written to Kafka.
        has_room: whether more records can be taken in; from any thread.
        leave: processes nothing more of partitions that are taken away, in the event loop.
        divert_rest: diverts what waits of partly delivered records, in the event loop.
        evict: cancels the attempts of records, in the event loop.
        failed: receives the exception that ended the thread, in the event loop.
    """

    lane: LoopBridge
    gate: PauseGate
    has_room: Callable[[], bool]
    leave: Callable[[Collection[Assignment]], None]
    divert_rest: Callable[[Collection[Assignment]], None]
    evict: Callable[[Collection[Record]], None]
    failed: Callable[[Exception], None]


class Entrance:
    """Takes the records of a consumer thread into its lane; the thread's `RecordSink`.

    The consumer thread calls the public methods, and the event loop the private ones.

    Args:
        passage: parts of the lane.
        loop: of the lane.
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

        The entrance is full while many records wait for the loop, which may be busy.
        """
        passage = self._passage
        if passage.gate.closed:
            return passage.has_room()
        on_the_way = self._handed - passage.lane.received + passage.lane.arrived
        return on_the_way < ON_THE_WAY and passage.has_room()

    def pause(self, assignments: Collection[Assignment]) -> threading.Event:
        """Process nothing until `resume`.

        Returns:
            Set when the event loop has diverted the rest of partly delivered records.
        """
        self._passage.gate.pause()
        return self._in_loop(partial(self._passage.divert_rest, assignments))

    def leave(self, assignments: Collection[Assignment]) -> threading.Event:
        """Process nothing more of these.

        Returns:
            Set when the event loop has done so.
        """
        return self._in_loop(partial(self._passage.leave, assignments))

    def evict(self, records: Collection[Record]) -> threading.Event:
        """Cancel the attempts of records.

        Returns:
            Set when the event loop has done so.
        """
        return self._in_loop(partial(self._passage.evict, records))

    def resume(self) -> None:
        """Resume with the partitions that are still assigned."""
        generation = self._passage.gate.generation()
        self._loop.call_soon_threadsafe(self._passage.lane.resume, generation)

    def lost(self, partition: Partition, count: int) -> None:
        """Count records that the log dropped before they were read."""
        counts = self._passage.lane.lost_records
        counts[partition.topic] = counts.get(partition.topic, 0) + count

    def position_reset(self, partition: Partition) -> None:
        """Count a position that was past the end of its log."""
        counts = self._passage.lane.positions_reset
        counts[partition.topic] = counts.get(partition.topic, 0) + 1

    def failed(self, error: Exception) -> None:
        """Report that the consumer thread has ended."""
        self._loop.call_soon_threadsafe(self._passage.failed, error)

    def _in_loop(self, act: Callable[[], None]) -> threading.Event:
        acted = threading.Event()
        self._loop.call_soon_threadsafe(self._act, act, acted)
        return acted

    def _act(self, act: Callable[[], None], acted: threading.Event) -> None:
        try:
            act()
        finally:
            acted.set()
