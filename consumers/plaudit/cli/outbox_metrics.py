"""Health and metrics of an outbox relay."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from plaudit.outbox.service import RelayService
from plaudit.runtime.metrics import others as of
from plaudit.runtime.metrics.common import metric_of, register_build_info


class Watched:
    """Health of a relay (see `plaudit.runtime.ops_server.Subject`).

    Args:
        service: the relay.
    """

    def __init__(self, service: RelayService) -> None:
        self._service = service
        self.registry = CollectorRegistry()
        self.registry.register(RelayCollector(service))
        register_build_info(self.registry, "relay")

    def stuck(self) -> list[str]:
        """Return an empty list: a relay without a connection retries on its own."""
        return []

    def unready(self) -> list[str]:
        """Return the topics that can't be written to."""
        return [f"{topic} can't be written to; see the log" for topic in self._service.tally.shut]


class RelayCollector(Collector):
    """Collects a relay's counts on request.

    Args:
        service: the relay.
    """

    def __init__(self, service: RelayService) -> None:
        self._service = service

    def collect(self) -> Iterator[Metric]:
        """Return the current value of every metric."""
        tally = self._service.tally
        yield metric_of(of.PUBLISHED, {(): tally.published})
        yield metric_of(of.REFUSED, {(): tally.refused})
        yield metric_of(of.FAILURES, {(): tally.failures})
        yield metric_of(of.ACTIVE, {(): float(tally.active)})
        yield metric_of(of.ROWS_WAITING, {(): tally.backlog.waiting})
        yield metric_of(of.OLDEST, {(): tally.backlog.oldest_s})
        yield metric_of(of.SHUT_TOPICS, {(): len(tally.shut)})
