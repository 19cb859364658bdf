"""Relay process, which runs until it is stopped, and waits for unavailable services."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from plaudit.events.registry.errors import RegistryFailure
from plaudit.kafka.errors import KafkaFailure, ProducerFatal, SettingsError
from plaudit.kafka.write.producer import Producer
from plaudit.logs.logger import event_logger
from plaudit.outbox.blocked_topics import BlockedTopics
from plaudit.outbox.queue import Backlog, EventQueue, OutboxFailure, OutboxMissing
from plaudit.outbox.relay import Moved, Relay

POLL_S: Final = 1.0
"""Interval at which a relay polls without a notification, and at which a standby tries the lock."""
SAY_EVERY_S: Final = 10.0
GRACE_S: Final = 5.0
"""Seconds for which a stopping relay waits for acknowledgements."""
_FIRST_PAUSE_S: Final = 0.2
_LONGEST_PAUSE_S: Final = 5.0

_log = event_logger(__name__)


@dataclass
class Tally:
    """Counts of a relay since its start.

    Attributes:
        published: rows that the brokers have.
        refused: rows that were set aside.
        failures: how often brokers, registry or database were unavailable, or refused.
        active: whether this relay is the active one.
        backlog: number of waiting rows at the last count.
        shut: unwritable topics; their rows wait, all others continue.
    """

    published: int = 0
    refused: int = 0
    failures: int = 0
    active: bool = False
    backlog: Backlog = field(default=Backlog(0, 0, 0.0))
    shut: tuple[str, ...] = ()


class RelayService:
    """Relays one outbox; of several relays, one is active and the others stand by.

    Args:
        queue: table of the rows.
        open_producer: creates a producer whose records do not time out.
        poll_s: polling interval without notifications.
    """

    def __init__(
        self, queue: EventQueue, open_producer: Callable[[], Producer], poll_s: float = POLL_S
    ) -> None:
        self._queue = queue
        self._open_producer = open_producer
        self._poll_s = poll_s
        self._stopped = threading.Event()
        self._stop_by: float | None = None
        self._producer: Producer | None = None
        self._relay: Relay | None = None
        self._pause_s = _FIRST_PAUSE_S
        self._said = _PeriodicLog()
        self._shut = BlockedTopics(time.monotonic)
        self.tally = Tally()

    def stop(self, grace_s: float = GRACE_S) -> None:
        """Stop, waiting this long for records in flight. A signal handler may call it."""
        self._stop_by = time.monotonic() + grace_s
        self._stopped.set()

    def run(self, *, until_empty: bool = False) -> None:
        """Relay until stopped, or until no row waits.

        Raises:
            OutboxMissing: the table does not exist.
            SettingsError: a setting is invalid.
        """
        try:
            while not self._stopped.is_set() and self._step(until_empty=until_empty):
                self._said.log_if_due(self.tally, self._count)
        finally:
            self._close_producer()
            self._queue.release()
            self.tally.active = False
            self._said.finally_(self.tally)

    def _step(self, *, until_empty: bool) -> bool:
        """Do one step; return whether to continue."""
        try:
            self.tally.active = self._queue.acquire()
            self._said.note_active(active=self.tally.active)
            if not self.tally.active:
                self._stopped.wait(self._poll_s)
                return True
            self._queue.leave_out(self._shut.left_out())
            moved = self._opened().move(self._give_up)
            self._note(moved)
            if moved.settled or moved.kept:
                return True
            if until_empty:
                return False
            self._queue.wait(self._poll_s)
        except (OutboxMissing, SettingsError):
            raise
        except (OutboxFailure, KafkaFailure, RegistryFailure) as failure:
            self._trouble(failure)
        return True

    def _note(self, moved: Moved) -> None:
        self.tally.published += moved.published
        self.tally.refused += len(moved.refusals)
        for number, reason in moved.refusals:
            _log.warning("outbox.row_refused", extra={"row": number, "reason": reason})
        trouble = self._beside_topics(moved)
        if trouble is not None and not self._stopped.is_set():
            self._trouble(trouble)
        elif moved.settled:
            self._pause_s = _FIRST_PAUSE_S

    def _beside_topics(self, moved: Moved) -> KafkaFailure | None:
        """Log once when a topic becomes unwritable or writable; return the other failures."""
        for topic in self._shut.opened(moved.topics):
            _log.info("outbox.topic_writable", extra={"topic": topic})
        for topic in self._shut.take(moved.failures):
            error = str(moved.failures[topic])
            _log.warning("outbox.topic_unwritable", extra={"topic": topic, "error": error})
        self.tally.shut = tuple(self._shut.reasons)
        others = (each for topic, each in moved.failures.items() if topic not in self.tally.shut)
        return next(others, None) if moved.failures else moved.failure

    def _trouble(self, failure: Exception) -> None:
        """Log the failure and wait, longer after each failure in a row."""
        self.tally.failures += 1
        _log.warning("outbox.unavailable", extra={"error": str(failure), "again_s": self._pause_s})
        if isinstance(failure, ProducerFatal):
            self._close_producer()
        self._stopped.wait(self._pause_s)
        self._pause_s = min(_LONGEST_PAUSE_S, self._pause_s * 2)

    def _count(self) -> None:
        try:
            self.tally.backlog = self._queue.backlog()
        except OutboxFailure as failure:
            self._trouble(failure)

    def _give_up(self) -> bool:
        # Brokers that are away hold a batch, and rows gather behind it: they are counted meanwhile.
        self._said.log_if_due(self.tally, self._count)
        return self._stop_by is not None and time.monotonic() > self._stop_by

    def _opened(self) -> Relay:
        if self._relay is None:
            self._producer = self._open_producer()
            self._relay = Relay(self._queue, self._producer)
        return self._relay

    def _close_producer(self) -> None:
        if self._producer is not None:
            self._producer.close(0)
        self._producer = self._relay = None


class _PeriodicLog:
    """Log a summary line at intervals, if there is anything to report."""

    def __init__(self) -> None:
        self._at = time.monotonic()
        self._published = 0
        self._refused = 0
        self._active: bool | None = None

    def note_active(self, *, active: bool) -> None:
        if active is not self._active:
            _log.info("outbox.active" if active else "outbox.standby")
            self._active = active

    def log_if_due(self, tally: Tally, count: Callable[[], None]) -> None:
        past_s = time.monotonic() - self._at
        if past_s < SAY_EVERY_S or not tally.active:
            return
        count()
        fresh = tally.published - self._published
        waits = tally.backlog.waiting
        if fresh or waits or tally.refused != self._refused:
            self._say(tally, fresh, past_s)
        self._at, self._published = time.monotonic(), tally.published
        self._refused = tally.refused

    def finally_(self, tally: Tally) -> None:
        fresh = tally.published - self._published
        self._say(tally, fresh, max(time.monotonic() - self._at, 0.001))

    @staticmethod
    def _say(tally: Tally, fresh: int, past_s: float) -> None:
        _log.info(
            "outbox.relayed",
            extra={
                "published": tally.published,
                "rows_per_s": round(fresh / past_s, 1),
                "refused": tally.refused,
                "failures": tally.failures,
                "waiting": tally.backlog.waiting,
                "put_aside": tally.backlog.refused,
                "oldest_s": round(tally.backlog.oldest_s, 1),
            },
        )
