"""The port to a table of rows that wait for Kafka: the relay's side of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple, Protocol

from plaudit.outbox.rows import Row, Unfit, Verdict


class OutboxFailure(Exception):
    """The outbox can't be used.

    OutboxFailure
    ├── OutboxUnavailable   the database is away: waiting helps
    └── OutboxMissing       there is no such table, or it is another one
    """


class OutboxUnavailable(OutboxFailure):
    """The database can't be reached, or ended the connection."""


class OutboxMissing(OutboxFailure):
    """The table is not there, or not what `plaudit outbox ddl` makes."""


class Backlog(NamedTuple):
    """What is in an outbox.

    Attributes:
        waiting: rows that are to be published.
        refused: rows that were put aside.
        oldest_s: age of the oldest row that waits.
    """

    waiting: int
    refused: int
    oldest_s: float


class Queue(Protocol):
    """Rows that wait; of several relays one at a time works on them, which keeps their order.

    Every method may raise `OutboxFailure`; the queue can be used again after it.
    """

    def acquire(self) -> bool:
        """Become, or stay, the one that works on the rows; False while another one does."""
        ...

    def release(self) -> None:
        """Let another one work on the rows."""
        ...

    def batch(self) -> Sequence[Row | Unfit]:
        """Return the rows that come first, in order; none when nothing waits."""
        ...

    def settle(self, verdict: Verdict) -> None:
        """Take out what is published and put aside what is refused; doing it again is harmless."""
        ...


class EventQueue(Queue, Protocol):
    """The outbox of a service that publishes events, which a process of its own works on."""

    def wait(self, timeout_s: float) -> None:
        """Wait until there may be new rows, at most that long."""
        ...

    def leave_out(self, topics: Collection[str]) -> None:
        """Leave rows of these topics, as the table calls them, out of batches from now on."""
        ...

    def backlog(self) -> Backlog:
        """Count what is there."""
        ...

    def retry(self) -> int:
        """Let refused rows be tried again; return how many."""
        ...
