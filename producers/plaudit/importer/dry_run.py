"""Dry run of an import: everything but publishing."""

from __future__ import annotations

from plaudit.bulk.control import Control
from plaudit.events.decoding import EventDecoder
from plaudit.importer.errors import Interrupted
from plaudit.importer.outcome import Outcome
from plaudit.importer.reviews import BadRow, ReviewMaker
from plaudit.importer.rows import Read, Unreadable
from plaudit.importer.source import Source, chunks
from plaudit.records.names import Names


def dry_run(source: Source, control: Control) -> Outcome:
    """Read the whole file and build every event; publish nothing.

    Raises:
        Interrupted: the user asked it to stop.
    """
    outcome = Outcome(source.import_id())
    make = ReviewMaker(source.target, source.mapped, outcome.import_id, Names(""))
    control.listener.began(source.count())
    for chunk in chunks(source.file.rows()):
        if control.stopping:
            raise Interrupted("stopped before the end of the file")
        for row in chunk:
            outcome.rows += 1
            _try(row, make, outcome)
        control.listener.moved(len(chunk))
    return outcome


def _try(row: Read, make: ReviewMaker, outcome: Outcome) -> None:
    if isinstance(row, Unreadable):
        outcome.reject(row, row.reason)
        return
    try:
        if make.leaves_out(row.values):
            outcome.left_out += 1
            return
        review = make(row.values)
    except BadRow as error:
        outcome.reject(row, str(error))
        return
    if outcome.event is None:
        event = EventDecoder().decode(review.record.value)
        shown = event._asdict()
        outcome.event = {"type": shown.pop("type"), **shown}
