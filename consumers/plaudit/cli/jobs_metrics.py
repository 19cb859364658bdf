"""Health and metrics of a runner of jobs."""

from __future__ import annotations

from prometheus_client import CollectorRegistry
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from plaudit.runtime.metrics.common import register_build_info


class JobsHealth:
    """Health of a runner (see `plaudit.runtime.ops_server.Subject`)."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        register_build_info(self.registry, "jobs")

    def stuck(self) -> list[str]:
        """Return an empty list: a runner without a connection retries on its own."""
        return []

    def unready(self) -> list[str]:
        """Return an empty list: a runner serves no requests."""
        return []
