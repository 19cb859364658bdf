"""The event loop's side of a source."""

from __future__ import annotations

import threading
from collections.abc import Collection
from typing import Protocol

from plaudit.deliver.offsets.assignment import Assignment, Record
from plaudit.kafka.read.consumer import Partition


class RecordSink(Protocol):
    """What the source needs of the event loop's side; called from the source's thread."""

    def hand_over(self, records: list[Record]) -> None:
        """Take records that may run now."""
        ...

    def has_room(self) -> bool:
        """Return whether more records can be taken."""
        ...

    def hold(self, assignments: Collection[Assignment]) -> threading.Event:
        """Begin nothing more until `go_on`; what is under way is finished.

        Returns:
            Set when the rest of these assignments' partly delivered records is diverted.
        """
        ...

    def leave(self, assignments: Collection[Assignment]) -> threading.Event:
        """Begin nothing more of partitions that are given up; set when that is so."""
        ...

    def go_on(self) -> None:
        """Go on with what belongs to partitions that are still ours, and drop the rest."""
        ...

    def lost(self, partition: Partition, count: int) -> None:
        """Count records that the log dropped before they were read."""
        ...

    def position_reset(self, partition: Partition) -> None:
        """Count a position that was past the end of its log."""
        ...

    def failed(self, error: Exception) -> None:
        """Hear that the source has ended by an error."""
        ...
