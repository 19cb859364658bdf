"""Sink of records: the event loop's side of a consumer thread."""

from __future__ import annotations

import threading
from collections.abc import Collection
from typing import Protocol

from plaudit.deliver.offsets.assignment import Assignment, Record
from plaudit.kafka.read.consumer import Partition


class RecordSink(Protocol):
    """Receives the records of a consumer thread, which calls it."""

    def hand_over(self, records: list[Record]) -> None:
        """Take records that may run now."""
        ...

    def has_room(self) -> bool:
        """Return whether more records can be taken."""
        ...

    def pause(self, assignments: Collection[Assignment]) -> threading.Event:
        """Process nothing until `resume`; attempts in flight finish.

        Returns:
            Set when the rest of these assignments' partly delivered records is diverted.
        """
        ...

    def leave(self, assignments: Collection[Assignment]) -> threading.Event:
        """Process nothing more of partitions that are taken away; set when that is so."""
        ...

    def evict(self, records: Collection[Record]) -> threading.Event:
        """Cancel the attempts of records, so that they are retried; set when that has begun."""
        ...

    def resume(self) -> None:
        """Resume with the partitions that are still assigned, and drop the rest."""
        ...

    def lost(self, partition: Partition, count: int) -> None:
        """Count records that the log dropped before they were read."""
        ...

    def position_reset(self, partition: Partition) -> None:
        """Count a position that was past the end of its log."""
        ...

    def failed(self, error: Exception) -> None:
        """Receive the exception that has ended the consumer thread."""
        ...
