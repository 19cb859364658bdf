"""The dead letter of last resort: what can be written of any record, whatever it holds."""

from __future__ import annotations

from plaudit.deliver.model.defects import Defects, Stage
from plaudit.deliver.offsets.assignment import Record
from plaudit.deliver.settle.records import Write, unreadable
from plaudit.records.names import Header, Names


def letter_of(names: Names, record: Record, reason: str, detail: str, defects: Defects) -> Write:
    """Return the dead letter of a record with all its headers, or else with its bytes alone."""
    try:
        return unreadable(names, record, reason, detail)
    except Exception as error:  # noqa: BLE001 - less will do
        defects.note(Stage.SETTLE, error, record)
        return bare_letter(names, record, reason)


def bare_letter(names: Names, record: Record, reason: str) -> Write:
    """Return a dead letter that holds a record's bytes, where it stood, and a reason.

    Its headers are ours alone. Those of the record may be what can't be written; they are read
    again at its origin, as long as its topic keeps it.
    """
    topic, number = record.assignment.partition
    headers = [
        (Header.REASON, reason.encode()),
        (Header.ORIGIN_TOPIC, topic.encode()),
        (Header.ORIGIN_PARTITION, b"%d" % number),
        (Header.ORIGIN_OFFSET, b"%d" % record.offset),
        (Header.ORIGIN_TIMESTAMP, b"%d" % record.timestamp_ms),
    ]
    return Write(
        names.dlq_events, record.value, f"{topic}:{number}:{record.offset}".encode(), headers
    )
