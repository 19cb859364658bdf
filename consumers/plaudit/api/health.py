"""Health and metrics of an API process, for its metrics port."""

from __future__ import annotations

import time
from collections.abc import Callable

from prometheus_client import CollectorRegistry
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from plaudit.runtime.fresh import FreshProblems, Problems
from plaudit.runtime.metrics.common import register_build_info


class ApiHealth:
    """Health of the process (see `plaudit.runtime.ops_server.Subject`); for any thread.

    Args:
        ask: check of the database and the brokers.
        clock: monotonic clock in seconds.

    Attributes:
        registry: metrics of the process and of its requests.
    """

    def __init__(
        self, ask: Callable[[], Problems], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        register_build_info(self.registry, "serve")
        self._problems = FreshProblems(ask, clock)

    def stuck(self) -> list[str]:
        """Return an empty list: while this thread answers, the process makes progress."""
        return []

    def unready(self) -> list[str]:
        """Return why requests can't be served now; checked at most once a second."""
        return self._problems.find()
