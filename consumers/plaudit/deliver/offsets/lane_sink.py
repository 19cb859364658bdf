"""Sink of a lane: passes calls of its consumer thread to the event loop."""

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
"""Records between the threads at which the consumer thread stops reading."""


@dataclass(frozen=True, slots=True)
class LaneCallbacks:
    """Functions of a lane that its consumer thread calls.

    Attributes:
        lane: receives the records, in the event loop.
        gate: closed during a rebalance, and while nothing can be written to Kafka.
        has_room: returns whether the lane can take more records; from any thread.
        leave: stops processing partitions that are taken away, in the event loop.
        divert_rest: diverts the waiting deliveries of partly delivered records, in the event loop.
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


class LaneSink:
    """Passes the records of a consumer thread to its lane; the thread's `RecordSink`.

    The consumer thread calls the public methods, and the event loop the private ones.

    Args:
        callbacks: functions of the lane.
        loop: the event loop of the lane.
    """

    def __init__(self, callbacks: LaneCallbacks, loop: asyncio.AbstractEventLoop) -> None:
        self._callbacks = callbacks
        self._loop = loop
        # Number of records handed over; only the consumer thread writes it.
        self._handed = 0

    def hand_over(self, records: list[Record]) -> None:
        """Pass on records that may run now."""
        self._handed += len(records)
        self._loop.call_soon_threadsafe(self._callbacks.lane.receive, records, time.monotonic())

    def has_room(self) -> bool:
        """Return whether the lane can take more records.

        It has no room while many records wait for a busy event loop.
        """
        callbacks = self._callbacks
        if callbacks.gate.closed:
            return callbacks.has_room()
        on_the_way = self._handed - callbacks.lane.received + callbacks.lane.arrived
        return on_the_way < ON_THE_WAY and callbacks.has_room()

    def pause(self, assignments: Collection[Assignment]) -> threading.Event:
        """Stop processing until `resume`.

        Returns:
            An event that is set when the event loop has diverted the rest of partly delivered
        records.
        """
        self._callbacks.gate.pause()
        return self._in_loop(partial(self._callbacks.divert_rest, assignments))

    def leave(self, assignments: Collection[Assignment]) -> threading.Event:
        """Stop processing these partitions.

        Returns:
            An event that is set when the event loop has stopped.
        """
        return self._in_loop(partial(self._callbacks.leave, assignments))

    def evict(self, records: Collection[Record]) -> threading.Event:
        """Cancel the attempts of records.

        Returns:
            An event that is set when the event loop has cancelled them.
        """
        return self._in_loop(partial(self._callbacks.evict, records))

    def resume(self) -> None:
        """Resume with the partitions that are still assigned."""
        generation = self._callbacks.gate.generation()
        self._loop.call_soon_threadsafe(self._callbacks.lane.resume, generation)

    def lost(self, partition: Partition, count: int) -> None:
        """Count records that the log dropped before they were read."""
        counts = self._callbacks.lane.lost_records
        counts[partition.topic] = counts.get(partition.topic, 0) + count

    def position_reset(self, partition: Partition) -> None:
        """Count a position that was past the end of its log."""
        counts = self._callbacks.lane.positions_reset
        counts[partition.topic] = counts.get(partition.topic, 0) + 1

    def failed(self, error: Exception) -> None:
        """Report that the consumer thread has ended."""
        self._loop.call_soon_threadsafe(self._callbacks.failed, error)

    def _in_loop(self, act: Callable[[], None]) -> threading.Event:
        acted = threading.Event()
        self._loop.call_soon_threadsafe(self._act, act, acted)
        return acted

    def _act(self, act: Callable[[], None], acted: threading.Event) -> None:
        try:
            act()
        finally:
            acted.set()
