"""Restarts of a job after an outage in the middle of a transaction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from plaudit.bulk.control import Control
from plaudit.dlq.job.report import Report
from plaudit.kafka.errors import Fenced, ProducerFatal, TransactionAborted

TAKEOVERS: Final = 3
"""Maximum restarts of a job after outages that made its producer fatal."""
FENCED: Final = (
    "another job has taken over (or the brokers were unavailable during a transaction); nothing is "
    "lost or repeated: look for the other job, then run this one again"
)


def run_over_outages(run: Callable[[], None], report: Report, control: Control) -> None:
    """Run a job; after an outage during a transaction, restart it with a new producer.

    A run may be repeated, because the log shows whether that transaction was committed.

    Args:
        run: a single run, which opens its own producer.
        report: receives the reason when another job has taken over.
        control: stops the job.

    Raises:
        ProducerFatal: restarts did not help.
        TransactionAborted: the brokers refuse a write, and the job was not stopped.
    """
    for left in range(TAKEOVERS, -1, -1):
        try:
            run()
        except Fenced:
            report.stopped = FENCED
        except TransactionAborted:
            if not control.stopping:
                raise
        except ProducerFatal as error:
            if not left:
                raise
            control.listener.paused(f"restarting ({error.reason})")
            continue
        return
