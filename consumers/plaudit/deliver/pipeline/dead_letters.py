"""Dead letters of whole records: unreadable ones, and those that a defect prevents."""

from __future__ import annotations

from plaudit.deliver.model.decision import Reason
from plaudit.deliver.model.defects import Stage, defect_of
from plaudit.deliver.offsets.assignment import Record
from plaudit.deliver.pipeline.context import LaneContext
from plaudit.deliver.pipeline.expansion import DeadRecord


def dead_letter(lane: LaneContext, record: Record, dead: DeadRecord) -> None:
    """Write a record to the dead letters, unless its partition has too many of them.

    Raises:
        RecordBlocked: flood protection pauses the partition.
    """
    reason, detail = dead
    if lane.schema_wait.is_unblocked(record):
        lane.limiter.resume(record.assignment)
    lane.limiter.count_unreadable(record.assignment, reason)
    lane.unreadable_log.note(record, reason, detail)
    record.pending = 1
    record.assignment.begun += 1
    lane.counters.undecodable[reason] += 1
    lane.shared.settler.dead_letter(record, reason, detail)


def give_up(lane: LaneContext, record: Record, error: Exception) -> None:
    """Write a record to the dead letters because of a defect.

    Raises:
        RecordBlocked: flood protection pauses the partition.
    """
    # Deliveries of the record may have begun and count down on it, so the letter uses a copy.
    fresh = record.as_read() if record.pending else record
    dead_letter(lane, fresh, DeadRecord(Reason.DEFECT, str(defect_of(error))))
    lane.defects.note(Stage.JUDGE, error, record)


def give_up_job(lane: LaneContext, record: Record, error: Exception) -> None:
    """Write a record to the dead letters whose sliced work raised; flood protection ignores it."""
    lane.defects.note(Stage.JUDGE, error, record)
    lane.counters.undecodable[Reason.DEFECT] += 1
    fresh = record.as_read()
    fresh.pending = 1
    fresh.assignment.begun += 1
    lane.shared.settler.dead_letter(fresh, Reason.DEFECT, str(defect_of(error)))
