"""Aggregate: one `/metrics`, `/healthz` and `/readyz` for all workers of a supervisor.

Samples are not summed. Each has the number of its worker as a label, so that a worker that differs
is visible.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from plaudit.deliver.process.supervisor import Supervisor, WorkerProcess
from plaudit.runtime.metrics.common import metric_of
from plaudit.runtime.metrics.deliver import RESTARTS, RUNNING

ANSWER_S: Final = 2.0


class Unanswered(Exception):
    """The worker does not answer."""


class FleetHealth:
    """Health of all workers."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self.registry = CollectorRegistry()
        self.registry.register(_Collector(supervisor))

    def stuck(self) -> list[str]:
        """Return the parts that make no progress; a worker that restarts does not count."""
        running = [each for each in self._supervisor.workers if each.port is not None]
        return [problem for each in running for problem in _problems(each, "/healthz")]

    def unready(self) -> list[str]:
        """Return why workers can't deliver."""
        workers = self._supervisor.workers
        return [problem for each in workers for problem in _problems(each, "/readyz")]


class _Collector(Collector):
    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor

    def collect(self) -> Iterator[Metric]:
        merged: dict[str, Metric] = {}
        running = 0
        for worker in self._supervisor.workers:
            try:
                text = _ask(worker, "/metrics").decode()
            except Unanswered:
                continue
            running += 1
            _merge(merged, text, str(worker.number))
        yield from merged.values()
        yield metric_of(RUNNING, {(): running})
        workers = self._supervisor.workers
        yield metric_of(RESTARTS, {(str(each.number),): each.restarts for each in workers})


def _merge(merged: dict[str, Metric], text: str, number: str) -> None:
    """Add a worker's samples to those of the others."""
    for family in text_string_to_metric_families(text):
        into = merged.setdefault(
            family.name, Metric(family.name, family.documentation, family.type)
        )
        for sample in family.samples:
            labels = {**sample.labels, "worker": number}
            into.add_sample(sample.name, labels, sample.value, exemplar=sample.exemplar)


def _problems(worker: WorkerProcess, path: str) -> list[str]:
    try:
        found = json.loads(_ask(worker, path))["problems"]
    except Unanswered as error:
        found = [str(error)]
    return [f"worker {worker.number}: {problem}" for problem in found]


def _ask(worker: WorkerProcess, path: str) -> bytes:
    """Return the answer of a worker's health server.

    Raises:
        Unanswered: the worker does not answer.
    """
    if worker.port is None:
        raise Unanswered("it is not started yet")
    connection = HTTPConnection("127.0.0.1", worker.port, timeout=ANSWER_S)
    try:
        # Only this format has exemplars.
        connection.request("GET", path, headers={"accept": CONTENT_TYPE_LATEST})
        return connection.getresponse().read()
    except (OSError, HTTPException) as error:
        raise Unanswered(f"it does not answer: {error}") from error
    finally:
        connection.close()
