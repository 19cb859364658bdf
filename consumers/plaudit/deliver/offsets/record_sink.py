"""Port of a lane, as its consumer thread uses it."""

from __future__ import annotations

import threading
from collections.abc import Collection
from typing import Protocol

from plaudit.deliver.offsets.assignment import Assignment, Record
from plaudit.kafka.read.consumer import Partition


class RecordSink(Protocol):
    """Receives the records of a consumer thread."""

    def hand_over(self, records: list[Record]) -> None:
        """Take records that may run now."""
        ...

    def has_room(self) -> bool:
        """Return whether the sink can take more records."""
        ...

    def pause(self, assignments: Collection[Assignment]) -> threading.Event:
        """Stop processing until `resume`; attempts in flight finish.

        Returns:
            An event that is set when the rest of these assignments' partly delivered records
        is diverted.
        """
        ...

    def leave(self, assignments: Collection[Assignment]) -> threading.Event:
        """Stop processing partitions that are taken away; return an event that is set then."""
        ...

    def evict(self, records: Collection[Record]) -> threading.Event:
        """Cancel the attempts of records, to retry them; return an event that is set then."""
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
