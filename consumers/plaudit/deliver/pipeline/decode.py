"""Decoding of a record's event."""

from __future__ import annotations

from plaudit.deliver.offsets.assignment import Record
from plaudit.deliver.offsets.blocked import RecordBlocked
from plaudit.deliver.pipeline.context import LaneContext
from plaudit.deliver.pipeline.expansion import DeadRecord
from plaudit.events.decoding import Event, SchemaUnknown, Undecodable


def decode(lane: LaneContext, record: Record) -> Event | DeadRecord:
    """Return the record's event, or the reason why it can't be read.

    Raises:
        RecordBlocked: its schema is unknown, and may still be registered.
    """
    try:
        event = lane.decoder.decode(record.value, record.headers)
    except SchemaUnknown as unknown:
        is_over = lane.schema_wait.is_over(record, counts=unknown.asked)
        if not is_over and not lane.schema_wait.is_unblocked(record):
            raise RecordBlocked(str(unknown)) from None
        return DeadRecord("schema_unknown", str(unknown))
    except Undecodable as error:
        return DeadRecord(error.reason, str(error))
    lane.limiter.count_readable(record.assignment)
    return event
