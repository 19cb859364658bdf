"""Health and metrics of an outbox relay."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from plaudit.outbox.service import RelayService

COUNTERS: Final = {
    "plaudit_outbox_published": "Rows that the brokers have acknowledged.",
    "plaudit_outbox_refused": "Rows that can't be published; they stay, with a reason.",
    "plaudit_outbox_failures": "Times that brokers, registry or database were away, or refused.",
}
GAUGES: Final = {
    "plaudit_outbox_active": "1 for the relay at work, 0 for one that stands by.",
    "plaudit_outbox_waiting": "Rows that wait, when they were last counted (every 10 s).",
    "plaudit_outbox_oldest_seconds": "Age of the oldest row that waits, at that time.",
    "plaudit_outbox_shut_topics": "Topics that can't be written to; their rows wait.",
}


class Watched:
    """Health of a relay (see `plaudit.runtime.ops_server.Subject`).

    Args:
        service: the relay.
    """

    def __init__(self, service: RelayService) -> None:
        self._service = service
        self.registry = CollectorRegistry()
        self.registry.register(RelayCollector(service))

    def stuck(self) -> list[str]:
        """Return an empty text: a relay without a connection retries on its own."""
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
        counts = (tally.published, tally.refused, tally.failures)
        for (name, meaning), count in zip(COUNTERS.items(), counts, strict=True):
            yield CounterMetricFamily(name, meaning, count)
        backlog = tally.backlog
        states = (float(tally.active), backlog.waiting, backlog.oldest_s, len(tally.shut))
        for (name, meaning), state in zip(GAUGES.items(), states, strict=True):
            yield GaugeMetricFamily(name, meaning, state)
