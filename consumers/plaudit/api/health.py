"""Health and metrics of an API process, for its metrics port."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from prometheus_client import CollectorRegistry
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from plaudit.api.readiness import FRESH_S, Problems
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
        self._ask = ask
        self._clock = clock
        self._lock = threading.Lock()
        self._found: Problems = ()
        self._until_s: float | None = None

    def stuck(self) -> list[str]:
        """Return an empty list: while this thread answers, the process makes progress."""
        return []

    def unready(self) -> list[str]:
        """Return why requests can't be served now; checked at most once a second."""
        with self._lock:
            if self._until_s is None or self._clock() >= self._until_s:
                self._found = self._ask()
                self._until_s = self._clock() + FRESH_S
            return list(self._found)
