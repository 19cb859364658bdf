"""The cost of publishing: typed events to acknowledged records, from one core."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Final

from bench.figures import Finding, Sample, figure
from bench.installation import EVENT_TYPE, events
from bench.lab import Lab
from bench.scenarios.throughput import one_endpoint
from bench.trial import SOURCE, Trial
from plaudit.events.catalogue import lookup
from plaudit.events.examples import example_json
from plaudit.events.models.event import EventModel
from plaudit.publish import Publisher

WARM: Final = 200
CHART: Final = "events published per second, one core"


def publish(lab: Lab) -> Finding:
    """Events that exist already, and events that are read from JSON first."""
    count = lab.effort.events // 2
    typed: list[Sample] = []
    read: list[Sample] = []
    with lab.trial(one_endpoint) as trial:
        made = list(events(trial.sites, count))
        for number in range(lab.effort.repetitions):
            lab.tell(f"{count:,} events, {number + 1} of {lab.effort.repetitions}")
            typed.append(_published(trial, lambda: iter(made), count))
            read.append(_published(trial, lambda: _from_json(count), count))
    return Finding(
        (
            figure("typed.rate", "typed events", "/s", typed, "rate", chart=CHART, bar="typed"),
            figure("typed.cpu_us", "typed events: CPU", "µs", typed, "cpu_us"),
            figure("json.rate", "from JSON", "/s", read, "rate", chart=CHART, bar="from JSON"),
            figure("json.cpu_us", "from JSON: CPU", "µs", read, "cpu_us"),
        )
    )


def _from_json(count: int) -> Iterator[EventModel]:
    model, line = lookup(EVENT_TYPE).model, example_json(EVENT_TYPE)
    return (model.model_validate_json(line) for _ in range(count))


def _published(trial: Trial, source: Callable[[], Iterator[EventModel]], count: int) -> Sample:
    """Publish, and wait until the brokers have every one; that they do is what counts here."""
    with Publisher(trial.installation.settings, source=SOURCE) as publisher:
        for event in events(trial.sites, WARM):  # connections and code are warm
            publisher.publish(event)
        publisher.flush()
        wall_s, cpu_s = time.perf_counter(), time.process_time()
        for event in source():
            publisher.publish(event)
        missing = publisher.flush()
        wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
    void = (f"{missing} events are not acknowledged",) if missing else ()
    return Sample({"rate": count / wall_s, "cpu_us": cpu_s / count * 1e6}, void)
