"""Retry of all deliveries that match a filter, page by page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from plaudit.bulk.control import Control
from plaudit.control.retry import Retrier
from plaudit.dlq.job.pacing import Pace
from plaudit.store.log.query import Query

AT_ONCE: Final = 200
"""Deliveries of one page: what a killed runner may repeat."""
LOOK_S: Final = 0.25

Keep = Callable[[str], None]
"""Stores the position at which a run resumes."""


def retry_all(
    retrier: Retrier, query: Query, bounds: tuple[float | None, int | None], control: Control,
    resume: tuple[str | None, int], keep: Keep,
) -> dict[str, Any]:  # fmt: skip
    """Retry deliveries, newest first; return the report.

    Args:
        retrier: writes the retries.
        query: conditions.
        bounds: deliveries per second, and their maximum number; None means unlimited.
        control: stops the job.
        resume: cursor of an earlier run, and the number of deliveries that it has finished.
        keep: stores the cursor after each page.

    Raises:
        KafkaFailure: a record was not acknowledged; earlier pages are retried.
        DatabaseFailure: the log can't be read.
    """
    rate, most = bounds
    cursor, done = resume
    pace = Pace(rate, control.now)
    retried = 0
    refused: Counter[str] = Counter()
    while not control.stopping and (most is None or done < most):
        size = AT_ONCE if rate is None else max(1, min(AT_ONCE, int(rate)))
        size = size if most is None else min(size, most - done)
        while pace.wait_s(size) > 0 and not control.stopping:
            control.wait(min(pace.wait_s(size), LOOK_S))
        if control.stopping:
            break
        page = retrier.retry_all(query, size, cursor)
        count = page.retried + len(page.refused)
        pace.count_sent(count)
        retried += page.retried
        refused.update(each.reason for each in page.refused)
        done += count
        control.listener.moved(count)
        cursor = page.cursor
        if cursor is None:
            break
        keep(cursor)
    stopped = f"stopped by {control.stopped_by}" if control.stopping else None
    return {
        "action": "retry",
        "moved": retried,
        "skipped": dict(refused.most_common()),
        "complete": stopped is None,
        "stopped": stopped,
    }
