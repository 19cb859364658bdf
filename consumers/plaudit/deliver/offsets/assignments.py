"""Assignments of a consumer thread, and those that may return after a rebalance.

Bookkeeping without I/O: the thread queries the brokers and passes the answers in. A worker loses
partitions in two ways. If a rebalance revokes only the partitions that move, a revoked one is gone.
If it revokes all of them (as the `range` assignor and an expired session do), most return. So such
a partition is kept, with its window and its attempts in flight, and continues if the group's offset
is still the one that this worker committed. After another owner, the offset would differ.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from math import inf
from typing import Final

from plaudit.deliver.offsets.assignment import LIMITS, Assignment, PartitionLimits, Record
from plaudit.kafka.read.consumer import CommittedOffset, Partition

MOST_RECORDS: Final = 10_000
"""Records that are handed over and not finished."""
MOST_BYTES: Final = 64 * 1024 * 1024
"""The sum of their values."""


class Assignments:
    """Assignments of one lane; belongs to the consumer thread.

    Args:
        delays: delay of each topic, in milliseconds.
        release: receives a record when one of its deliveries is settled.
        limits: limits of each partition.

    Attributes:
        held: the current assignments.
        changed: assignments with a record that was finished; the committer empties it.
        in_hand: records handed over and not finished.
        bytes_in_hand: the sum of their values.
        foreign: number of committed offsets with unreadable metadata.
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
        self.changed: set[Assignment] = set()
        self.in_hand = 0
        self.bytes_in_hand = 0
        self.foreign = 0

    @property
    def fill(self) -> float:
        """Used share of the lane's capacity."""
        return max(self.in_hand / MOST_RECORDS, self.bytes_in_hand / MOST_BYTES)

    def due_in_s(self, now_ms: int) -> float:
        """Return the seconds until the next waiting record is due."""
        dues = [
            each.intake.next_due_ms if each.delay_ms else 0
            for each in self.held.values()
            if each.intake.next_due_ms is not None and not each.blocked
        ]
        return max(0.0, (min(dues) - now_ms) / 1_000) if dues else inf

    def assign(
        self, places: Mapping[Partition, CommittedOffset], first: Callable[[Partition], int]
    ) -> dict[Partition, int]:
        """Add partitions; return the offset from which to read each.

        Args:
            places: committed offset of each partition.
            first: queries the first offset in the log, for partitions without a committed one.
        """
        starts = {}
        for partition, place in places.items():
            kept = self._kept.pop(partition, None)
            if kept is not None and kept.continue_at(place):
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

    def restart(self, partition: Partition, start: int) -> Assignment:
        """Restart a partition whose log was replaced, and forget completions of the old log."""
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
        """Keep all revoked assignments, in case they return in the next generation."""
        self._kept |= self.held
        self.held = {}

    def drop_kept(self) -> None:
        """Drop the kept assignments that other workers received."""
        for assignment in self._kept.values():
            self._let_go(assignment)
        self._kept = {}

    def drop(self, partitions: Iterable[Partition]) -> None:
        """Drop the assignments of partitions that were taken away."""
        for partition in partitions:
            assignment = self.held.pop(partition, None)
            if assignment is not None:
                self._let_go(assignment)

    def take_changed(self) -> list[Assignment]:
        """Return the assignments in force that were changed since the last call."""
        changed, self.changed = self.changed, set()
        return [each for each in changed if self.held.get(each.partition) is each]

    def of(self, partitions: Collection[Partition]) -> list[Assignment]:
        """Return the current assignments of these partitions."""
        return [self.held[each] for each in partitions if each in self.held]

    def handed_over(self, records: Sequence[Record]) -> None:
        """Count records that were handed over to the event loop."""
        for record in records:
            record.assignment.records[record.offset] = record
        self.in_hand += len(records)
        self.bytes_in_hand += sum(record.size for record in records)

    def settled(self, record: Record) -> None:
        """Count a settled delivery of a record, which may finish it."""
        assignment = record.assignment
        if record.pending:
            assignment.settled += 1
            record.pending -= 1
        if record.pending or not assignment.window.complete(record.offset):
            return
        assignment.records.pop(record.offset, None)
        self.changed.add(assignment)
        # Records of a dropped partition were counted when it was dropped.
        if assignment.held:
            self.in_hand -= 1
            self.bytes_in_hand -= record.size

    def _let_go(self, assignment: Assignment) -> None:
        # The event loop drops deliveries that have not begun.
        assignment.active = False
        assignment.held = False
        assignment.records.clear()
        self.in_hand -= assignment.window.pending
        self.bytes_in_hand -= assignment.window.pending_bytes
