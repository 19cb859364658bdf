"""Dead letters of whole records, including one that can be written for any record."""

from __future__ import annotations

from plaudit.deliver.model.defects import Defects, Stage
from plaudit.deliver.model.delivery import origin_of
from plaudit.deliver.offsets.assignment import Record
from plaudit.deliver.settle.headers import origin_headers
from plaudit.deliver.settle.records import Write, dead_record_key, unreadable_record
from plaudit.records.names import Header, Names


def letter_of(names: Names, record: Record, reason: str, detail: str, defects: Defects) -> Write:
    """Return the dead letter of a record, without its headers if they raise an exception."""
    try:
        return unreadable_record(names, record, reason, detail)
    except Exception as error:  # noqa: BLE001 - a bare letter suffices
        defects.note(Stage.SETTLE, error, record)
        return bare_letter(names, record, reason)


def bare_letter(names: Names, record: Record, reason: str) -> Write:
    """Return a dead letter with a record's bytes, its position and a reason.

    It omits the record's own headers, which may be unwritable. They can be read at the record's
    origin while its topic keeps it.
    """
    origin = origin_of(record)
    headers = [
        (Header.REASON, reason.encode()),
        *origin_headers(origin),
    ]
    return Write(names.dlq_events, record.value, dead_record_key(origin), headers)
