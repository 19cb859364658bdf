"""Projector of attempt records into the log: each attempt once, with a transaction per batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy.engine import Engine

from plaudit.logs.logger import event_logger
from plaudit.recorder.auto_disable import carry_out, verdicts
from plaudit.recorder.operational_events import events_of
from plaudit.recorder.settings import FAILING_AFTER
from plaudit.records.attempt import decode_attempt
from plaudit.records.codec import RecordError
from plaudit.records.times import wall_ms
from plaudit.records.trace_context import TraceContext
from plaudit.store.db.database import DatabaseFailure, RowsRefused, translated
from plaudit.store.endpoints.notices import add_notice
from plaudit.store.log.health import apply_sums, sum_rows
from plaudit.store.log.kinds import SeenKinds
from plaudit.store.log.writer import AttemptRows, Row, insert_new

_log = event_logger(__name__)


class Read(NamedTuple):
    """A record of the topic, with its position.

    Attributes:
        trace: context of the `deliver` span that wrote it; None if that span is not recorded.
    """

    topic: str
    partition: int
    offset: int
    value: bytes
    trace: TraceContext | None = None


@dataclass(slots=True)
class ProjectionCounts:
    """Counts of records.

    Attributes:
        written: new rows of the log.
        known: records that the log already had.
        unreadable: records that are not attempt records, or that the database refuses; the
            recorder logs and skips them.
        disabled: disabled endpoints.
    """

    written: int = 0
    known: int = 0
    unreadable: int = 0
    disabled: int = 0


class Projector:
    """Writes attempts to the log.

    Args:
        engine: database.
        disable_after_ms: endpoints that fail for this long are disabled; None: only write the log,
            as a rebuild does.
        failing_after: consecutive failures after which an endpoint counts as failing.
    """

    def __init__(
        self, engine: Engine, disable_after_ms: int | None, failing_after: int = FAILING_AFTER
    ) -> None:
        self._failing_after = failing_after
        self._engine = engine
        self._after_ms = disable_after_ms
        self._rows = AttemptRows(engine.dialect.name)
        self._seen = SeenKinds()
        self.counts = ProjectionCounts()

    def project(self, records: Sequence[Read]) -> None:
        """Write a batch and commit it.

        Raises:
            DatabaseFailure: the batch may not be written; a retry is harmless.
        """
        read = [(record, row) for record in records if (row := self._read(record)) is not None]
        self._write(read)

    def _write(self, read: list[tuple[Read, Row]]) -> None:
        """Write rows; if one of them is invalid, write the others without it."""
        if not read:
            return
        try:
            written, disabled = self._transaction([row for _, row in read])
        except DatabaseFailure as error:
            self._seen.clear()
            if not isinstance(error, RowsRefused):
                raise
            if len(read) == 1:
                self._leave_out(read[0][0], str(error))
                return
            middle = len(read) // 2
            self._write(read[:middle])
            self._write(read[middle:])
            return
        self.counts.written += written
        self.counts.known += len(read) - written
        self.counts.disabled += disabled

    def _transaction(self, rows: list[Row]) -> tuple[int, int]:
        disabled = 0
        with translated(), self._engine.begin() as connection:
            fresh = insert_new(connection, rows, self._seen)
            sums = sum_rows(fresh)
            changes = apply_sums(connection, sums)
            if self._after_ms is not None:
                health = [each.after for each in changes]
                for event in events_of(fresh, changes, self._failing_after):
                    add_notice(
                        connection, event.workspace_id, event.type, event.data, event.endpoint_id
                    )
                by_id = {each.endpoint_id: each for each in health}
                now_ms = wall_ms()
                for verdict in verdicts(sums, health, self._after_ms):
                    disabled += carry_out(connection, verdict, by_id[verdict.endpoint_id], now_ms)
        return len(fresh), disabled

    def _read(self, record: Read) -> Row | None:
        try:
            return self._rows.row(decode_attempt(record.value))
        except (RecordError, ValueError) as error:
            self._leave_out(record, str(error))
            return None

    def _leave_out(self, record: Read, error: str) -> None:
        self.counts.unreadable += 1
        place = f"{record.topic}[{record.partition}]@{record.offset}"
        _log.error("attempt.unreadable", extra={"at": place, "error": error})
