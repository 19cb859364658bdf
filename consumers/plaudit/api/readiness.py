"""Readiness check, which queries the database and the brokers at most once a second."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final

from fastapi.concurrency import run_in_threadpool

from plaudit.api.dependencies import ApiServices
from plaudit.kafka.errors import KafkaFailure
from plaudit.store.db.database import DatabaseFailure, check

FRESH_S: Final = 1.0

Problems = Sequence[str]


class Readiness:
    """Cached readiness; belongs to one event loop.

    Args:
        ask: check that runs in a thread.
        clock: monotonic clock in seconds.
    """

    def __init__(
        self, ask: Callable[[], Problems], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._ask = ask
        self._clock = clock
        self._asking: asyncio.Task[Problems] | None = None
        self._found: Problems = ()
        self._until_s: float | None = None

    async def problems(self) -> Problems:
        """Return the current problems; concurrent callers share one check."""
        if self._until_s is not None and self._clock() < self._until_s:
            return self._found
        if self._asking is None:
            self._asking = asyncio.create_task(self._asked())
        return await asyncio.shield(self._asking)

    async def _asked(self) -> Problems:
        try:
            self._found = await run_in_threadpool(self._ask)
            self._until_s = self._clock() + FRESH_S
        finally:
            self._asking = None
        return self._found


def problems_of(services: ApiServices) -> Problems:
    """Return why requests can't be served now; empty if they can."""
    found = (_database(services), _brokers(services))
    return [each for each in found if each is not None]


def _database(services: ApiServices) -> str | None:
    try:
        check(services.engine)
    except DatabaseFailure as failure:
        return str(failure)
    return None


def _brokers(services: ApiServices) -> str | None:
    """Return why events can't be published now; None if they can."""
    for producer in (services.producer, services.outlet.producer):
        if producer.fatal is not None:
            return str(producer.fatal)
    try:
        missing = set(services.names.event_topics) - set(services.brokers.topic_names())
    except KafkaFailure as failure:
        return str(failure)
    return f"missing topics: {', '.join(sorted(missing))}" if missing else None
