"""The partitions that a source holds, and those that it may get back in a rebalance.

Bookkeeping without I/O: the source asks the brokers and tells what they said. There are two ways to
lose a partition. When a rebalance takes only what moves, what is revoked is gone. When everything
goes at once (the `range` assignor revokes it, or the session has ended because no broker answered),
most of it comes back: such a partition is kept, with its window and its requests on the wire, and
goes on where it was if the group still stands where we left it. Were it meanwhile another worker's,
the group would stand elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from math import inf
from typing import Final

from plaudit.deliver.offsets.assignment import LIMITS, Assignment, PartitionLimits, Record
from plaudit.kafka.read.consumer import CommittedOffset, Partition

MOST_RECORDS: Final = 10_000
"""Records handed over and not finished."""
MOST_BYTES: Final = 64 * 1024 * 1024
"""The sum of their values."""


class Assignments:
    """What this worker holds of a lane; belongs to the source's thread.

    Args:
        delays: of each topic, in milliseconds.
        release: takes a record of which one delivery is settled.
        limits: of each partition.

    Attributes:
        held: the assignments in force.
        in_hand: records handed over and not finished.
        bytes_in_hand: the sum of their values.
        foreign: how often a group's place came with metadata that could not be read.
    """

    def __init__(
        self,
        delays: Mapping[str, int],
        release: Callable[[Record], None],
        limits: PartitionLimits = LIMITS,
    ) -> None:
        self._limits = limits
        self._delays = delays
        self._release = release
        self._kept: dict[Partition, Assignment] = {}
        self.held: dict[Partition, Assignment] = {}
        self.in_hand = 0
        self.bytes_in_hand = 0
        self.foreign = 0

    @property
    def fill(self) -> float:
        """The part that is taken of what may be in hand."""
        return max(self.in_hand / MOST_RECORDS, self.bytes_in_hand / MOST_BYTES)

    def due_in_s(self, now_ms: int) -> float:
        """Return how long it takes until the next record that waits here is due."""
        dues = [
            each.intake.next_due_ms if each.delay_ms else 0
            for each in self.held.values()
            if each.intake.next_due_ms is not None and not each.blocked
        ]
        return max(0.0, (min(dues) - now_ms) / 1_000) if dues else inf

    def assign(
        self, places: Mapping[Partition, CommittedOffset], first: Callable[[Partition], int]
    ) -> dict[Partition, int]:
        """Take partitions; return where to read each on.

        Args:
            places: where the group stands in each.
            first: asks for the first offset in the log, for those without a place.
        """
        starts = {}
        for partition, place in places.items():
            kept = self._kept.pop(partition, None)
            if kept is not None and kept.continues_at(place):
                self.held[partition] = kept
                starts[partition] = kept.read_to
                continue
            if kept is not None:
                self._let_go(kept)
            start = first(partition) if place.offset is None else place.offset
            delay_ms = self._delays[partition.topic]
            fresh = Assignment(partition, delay_ms, place, start, self._release, self._limits)
            self.foreign += fresh.foreign
            self.held[partition] = fresh
            starts[partition] = start
        return starts

    def begin_anew(self, partition: Partition, start: int) -> Assignment:
        """Read another log from `start` on; what was done of the one before is forgotten."""
        self.drop([partition])
        kept = self._kept.pop(partition, None)
        if kept is not None:
            self._let_go(kept)
        delay_ms = self._delays[partition.topic]
        place = CommittedOffset(None, "")
        fresh = Assignment(partition, delay_ms, place, start, self._release, self._limits)
        self.held[partition] = fresh
        return fresh

    def keep(self) -> None:
        """Everything is gone; what comes back in the next generation goes on where it was."""
        self._kept |= self.held
        self.held = {}

    def drop_kept(self) -> None:
        """What has not come back is another worker's."""
        for assignment in self._kept.values():
            self._let_go(assignment)
        self._kept = {}

    def drop(self, partitions: Iterable[Partition]) -> None:
        """These are not ours any more."""
        for partition in partitions:
            assignment = self.held.pop(partition, None)
            if assignment is not None:
                self._let_go(assignment)

    def of(self, partitions: Collection[Partition]) -> list[Assignment]:
        """Return the assignments in force of these partitions."""
        return [self.held[each] for each in partitions if each in self.held]

    def handed_over(self, records: Sequence[Record]) -> None:
        """Count records that the event loop has now."""
        for record in records:
            record.assignment.records[record.offset] = record
        self.in_hand += len(records)
        self.bytes_in_hand += sum(record.size for record in records)

    def settled(self, record: Record) -> bool:
        """Count one settled delivery of a record; True when that finished the record."""
        assignment = record.assignment
        if record.pending:
            assignment.settled += 1
            record.pending -= 1
        if record.pending or not assignment.window.complete(record.offset):
            return False
        assignment.records.pop(record.offset, None)
        # Those of a partition that was let go were counted when it went.
        if assignment.held:
            self.in_hand -= 1
            self.bytes_in_hand -= record.size
        return True

    def _let_go(self, assignment: Assignment) -> None:
        # The event loop drops what it has not begun, without a word.
        assignment.active = False
        assignment.held = False
        assignment.records.clear()
        self.in_hand -= assignment.window.pending
        self.bytes_in_hand -= assignment.window.pending_bytes
