"""Tickets: writes of one delivery, or of a wide event, that wait for acknowledgements."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from plaudit.deliver.model.defects import Defects, Stage
from plaudit.deliver.model.delivery import Origin, origin_of
from plaudit.deliver.offsets.assignment import Record

MOST_FANNED_OUT: Final = 1_000
MOST_FANNED_OUT_BYTES: Final = 4 * 1024 * 1024
"""Records of wide events that may wait for their acknowledgement. A thousand take 3 MB here, and
brokers acknowledge them in some 20 ms: enough for all that a core can write. The bytes are an
eighth of the producer's buffer, so that there is room for what other deliveries write."""


class Ticket:
    """Writes of one delivery, or of a wide event, that are not acknowledged yet.

    Attributes:
        left: unacknowledged writes; for a wide event one more, until the last write is sent.
        record: the record, which is completed when none is left.
        origin: position of the event, for the dead letter of a refused write.
        wide: whether it belongs to a wide event.
        raised: number of exceptions while sending.
        on_written: called after the last acknowledgement; does not raise.
    """

    __slots__ = ("left", "on_written", "origin", "raised", "record", "wide")

    def __init__(self, left: int, record: Record, origin: Origin, *, wide: bool = False) -> None:
        self.left = left
        self.record = record
        self.origin = origin
        self.wide = wide
        self.raised = 0
        self.on_written: Callable[[], None] | None = None


class WideWrites:
    """Writes of wide events that are not acknowledged yet."""

    __slots__ = ("_bytes", "_count")

    def __init__(self) -> None:
        self._count = 0
        self._bytes = 0

    @property
    def has_room(self) -> bool:
        """Whether there is room for more writes."""
        return self._count < MOST_FANNED_OUT and self._bytes < MOST_FANNED_OUT_BYTES

    def add(self, size: int) -> None:
        """Count a write that is sent."""
        self._count += 1
        self._bytes += size

    def remove(self, size: int) -> None:
        """Count a write that is acknowledged."""
        self._count -= 1
        self._bytes -= size


class OpenTickets:
    """Tickets with unacknowledged writes.

    Args:
        defects: counts and logs defects.
    """

    __slots__ = ("_closed", "_defects", "_opened", "_tickets", "_unreleased", "_wide")

    def __init__(self, defects: Defects) -> None:
        self._defects = defects
        self._tickets: dict[Ticket, None] = {}
        # Finished tickets whose record was not released, because of a defect.
        self._unreleased: list[Ticket] = []
        self._opened = 0
        self._closed = 0
        self._wide = WideWrites()

    @property
    def idle(self) -> bool:
        """Whether no acknowledgements are due."""
        return self._closed == self._opened

    @property
    def has_room(self) -> bool:
        """Whether more deliveries of wide events may be written."""
        return self._wide.has_room

    @property
    def unreleased(self) -> int:
        """Number of finished tickets whose records must be released again."""
        return len(self._unreleased)

    @property
    def records(self) -> Iterator[Record]:
        """Records with unacknowledged writes."""
        for ticket in self._tickets:
            yield ticket.record

    def open(self, record: Record, origin: Origin, writes: int) -> Ticket:
        """Return the ticket of a delivery's writes."""
        ticket = Ticket(writes, record, origin)
        self._tickets[ticket] = None
        self._opened += writes
        return ticket

    def open_wide(self, record: Record) -> Ticket:
        """Return the ticket of a wide event; `add` counts its writes."""
        ticket = Ticket(1, record, origin_of(record), wide=True)
        self._tickets[ticket] = None
        return ticket

    def add(self, ticket: Ticket) -> None:
        """Count one more write of a wide event."""
        self._opened += 1
        self._wide.add(ticket.record.size)
        ticket.left += 1

    def written(self, ticket: Ticket) -> None:
        """Count a write that was acknowledged, or that can never be written."""
        self._closed += 1
        if ticket.wide:
            self._wide.remove(ticket.record.size)
        self.count_down(ticket)

    def count_down(self, ticket: Ticket) -> None:
        """Count down a ticket; after its last write, the record is released."""
        ticket.left -= 1
        if ticket.left > 0:
            return
        on_written, ticket.on_written = ticket.on_written, None
        if on_written is not None:
            on_written()
        try:
            ticket.record.done()
        except Exception as error:  # noqa: BLE001 - tried again by `release_again`
            self._defects.note(Stage.WRITE, error, ticket.record)
            self._unreleased.append(ticket)
        else:
            self._tickets.pop(ticket, None)

    def release_again(self) -> None:
        """Release the records whose first release failed."""
        unreleased, self._unreleased = self._unreleased, []
        for ticket in unreleased:
            self.count_down(ticket)

    def forget_lost(self) -> None:
        """Drop tickets whose acknowledgements can't arrive; wide events keep theirs."""
        self._closed, self._wide = self._opened, WideWrites()
        for lost in [each for each in self._tickets if not each.wide]:
            del self._tickets[lost]
