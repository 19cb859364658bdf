"""What waits for acknowledgements: the writes of one delivery, or of a wide event."""

from __future__ import annotations

from typing import Final

from plaudit.deliver.model.delivery import Origin
from plaudit.deliver.offsets.assignment import Record

MOST_FANNED_OUT: Final = 1_000
MOST_FANNED_OUT_BYTES: Final = 4 * 1024 * 1024
"""Records of wide events that may wait for their acknowledgement. A thousand take 3 MB here, and
brokers acknowledge them in some 20 ms: enough for all that a core can write. The bytes are an
eighth of the producer's buffer, so that there is room for what other deliveries write."""


class Ticket:
    """Writes of one delivery, or of a wide event, that are not acknowledged yet.

    Attributes:
        left: how many; for a wide event one more, until the last one is sent.
        record: to release when none is left.
        origin: for the dead letter, should a write be refused.
        wide: of a wide event.
        raised: how often our own code has raised instead of sending one.
    """

    __slots__ = ("left", "origin", "raised", "record", "wide")

    def __init__(self, left: int, record: Record, origin: Origin, *, wide: bool = False) -> None:
        self.left = left
        self.record = record
        self.origin = origin
        self.wide = wide
        self.raised = 0


class WideWrites:
    """Writes of wide events that are not acknowledged yet."""

    __slots__ = ("_bytes", "_count")

    def __init__(self) -> None:
        self._count = 0
        self._bytes = 0

    @property
    def has_room(self) -> bool:
        """Whether more of them may be written."""
        return self._count < MOST_FANNED_OUT and self._bytes < MOST_FANNED_OUT_BYTES

    def add(self, size: int) -> None:
        """Count one that is sent."""
        self._count += 1
        self._bytes += size

    def remove(self, size: int) -> None:
        """Count one that is acknowledged."""
        self._count -= 1
        self._bytes -= size
