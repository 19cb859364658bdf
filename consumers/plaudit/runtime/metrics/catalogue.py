"""Every metric of Plaudit, by the process that has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from plaudit.runtime.metrics import deliver, others
from plaudit.runtime.metrics.common import CONSUMERS, EVERYWHERE
from plaudit.runtime.metrics.spec import MetricSpec

SECTIONS: Final[Mapping[str, tuple[MetricSpec, ...]]] = {
    "At `/metrics` of every process, beside those of Python and the operating system:": EVERYWHERE,
    "Of `plaudit deliver`; none has endpoint ids:": (*deliver.PER_LANE, *deliver.PER_WORKER),
    "Of `plaudit deliver` and `plaudit record`:": CONSUMERS,
    "Of `plaudit deliver --workers`, where every sample has the label `worker`, too:": (
        deliver.PER_SUPERVISOR
    ),
    "Of `plaudit record`:": others.RECORDER,
    "Of the process that runs jobs, `plaudit record` or `plaudit jobs run`; measured every "
    "minute, without samples while the topic is empty:": others.DEAD_LETTERS,
    "Of `plaudit outbox relay`, at the port in `PLAUDIT_OUTBOX_METRICS_PORT`:": others.OUTBOX,
    "Of `plaudit serve`:": others.API,
}
CATALOGUE: Final[Mapping[str, MetricSpec]] = {
    each.scraped: each for section in SECTIONS.values() for each in section
}
"""Metrics by the name that a query uses."""
