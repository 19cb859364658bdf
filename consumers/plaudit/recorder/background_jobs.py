"""Background jobs of the recorder: the relay, notices, and the removal of old rows."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from sqlalchemy.engine import Engine

from plaudit.kafka.errors import KafkaFailure
from plaudit.logs.logger import event_logger
from plaudit.logs.once_logger import OnceLogger
from plaudit.recorder.settings import DAY_MS, RecorderSettings
from plaudit.records.times import wall_ms
from plaudit.store.db.database import DatabaseFailure, translated
from plaudit.store.db.partitions import forget_before
from plaudit.store.db.statistics_tables import (
    HOURS,
    MINUTES,
    TOTAL_HOURS,
    TOTAL_MINUTES,
    WORKSPACE_HOURS,
    WORKSPACE_MINUTES,
)
from plaudit.store.db.tables import AUDIT, LOG_DAYS
from plaudit.store.endpoints.relay import Relay
from plaudit.store.jobs.queue import forget_jobs
from plaudit.store.log.labels import label_rows
from plaudit.store.log.payloads import forget_payloads
from plaudit.store.log.sums import HOUR_MS, MINUTE_MS, MINUTES_KEPT

_log = event_logger(__name__)

RELAY_EVERY_S: Final = 0.5
NOTIFY_EVERY_S: Final = 2.0
FORGET_EVERY_S: Final = 600.0
LABEL_EVERY_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class PeriodicTask:
    """A task that is repeated.

    Attributes:
        name: name in the log.
        every_s: pause after each run.
        run: runs the task.
    """

    name: str
    every_s: float
    run: Callable[[], object]


class PeriodicTasks:
    """Runs each task in its own thread; logs a failure once, and retries later.

    Args:
        tasks: the tasks.
    """

    def __init__(self, *tasks: PeriodicTask) -> None:
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(each,), name=each.name, daemon=True)
            for each in tasks
        ]

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def close(self, timeout_s: float) -> None:
        """Stop after the current runs."""
        self._stop.set()
        deadline = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _run(self, chore: PeriodicTask) -> None:
        once = OnceLogger(_log)
        while not self._stop.wait(chore.every_s):
            try:
                chore.run()
                once.recovered()
            except (DatabaseFailure, KafkaFailure) as failure:
                once.failed("chore.unavailable", failure, chore=chore.name)
            except Exception:  # noqa: BLE001 - a defect of one task must not stop the others
                _log.exception("chore.crashed", extra={"chore": chore.name})


def relay_task(relay: Relay) -> PeriodicTask:
    """Return the task that relays changed endpoints to the brokers."""

    def run() -> None:
        # Without this check, the lease would write to an idle SQLite twice a second.
        if relay.waiting():
            with translated():
                relay.run()

    return PeriodicTask("relay", RELAY_EVERY_S, run)


def label_task(engine: Engine) -> PeriodicTask:
    """Return the task that sets the kinds of rows of earlier releases."""
    return PeriodicTask("kinds", LABEL_EVERY_S, partial(label_rows, engine))


def prune_task(engine: Engine, settings: RecorderSettings) -> PeriodicTask:
    """Return the task that removes expired rows."""

    def run() -> None:
        now_ms = wall_ms()
        cutoff_ms = now_ms - settings.log_days * DAY_MS
        gone = forget_before(engine, cutoff_ms)
        with translated(), engine.begin() as connection:
            for hours in (HOURS, WORKSPACE_HOURS, TOTAL_HOURS):
                connection.execute(hours.delete().where(hours.c.hour < cutoff_ms // HOUR_MS))
            connection.execute(LOG_DAYS.delete().where(LOG_DAYS.c.day < cutoff_ms // DAY_MS))
            minute = now_ms // MINUTE_MS - MINUTES_KEPT
            for minutes in (MINUTES, WORKSPACE_MINUTES, TOTAL_MINUTES):
                connection.execute(minutes.delete().where(minutes.c.minute < minute))
            forget_jobs(connection, cutoff_ms)
            oldest_ms = now_ms - settings.audit_days * DAY_MS
            connection.execute(AUDIT.delete().where(AUDIT.c.at < oldest_ms))
        # As whole days: today's events have not been kept for a day. Zero days remove all of them.
        days = settings.payload_days
        forget_payloads(engine, now_ms // DAY_MS + (1 if days == 0 else -days))
        if gone:
            _log.info("log.pruned", extra={"days_or_rows": gone})

    return PeriodicTask("retention", FORGET_EVERY_S, run)
