"""Port of the pipeline, as the bridge uses it."""

from __future__ import annotations

from typing import Protocol

from plaudit.deliver.offsets.assignment import Record


class RecordProcessor(Protocol):
    """Processes the records of one lane in the event loop's thread."""

    def process(self, record: Record) -> None:
        """Begin the deliveries of a record.

        Raises:
            RecordBlocked: the record can't be processed yet.
        """
        ...

    def give_up(self, record: Record, error: Exception) -> None:
        """Write a record for which `process` raised to the dead letters.

        Raises:
            RecordBlocked: too many records of the partition were written there.
        """
        ...

    def resume(self) -> None:
        """Attempt the deliveries that waited while the lane was paused."""
        ...
