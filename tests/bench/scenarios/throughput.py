"""Draining a backlog: deliveries per second and CPU per delivery, the whole way."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from typing import Final

from bench.children import Sink
from bench.figures import Figure, Finding, Sample, figure, ratio
from bench.installation import EVERY_TYPE, OF_EACH_TOPIC, Site
from bench.lab import Lab
from bench.references import CEILINGS, Kind

PER_SECOND: Final = "deliveries per second, one core"
CPU: Final = "CPU per delivery, µs"
WITHOUT_END: Final = 10**9
MANY: Final = 100
ANSWER_S: Final = 0.05
ORDINARY: Final = 1_000
ORDINARY_S: Final = 0.1
"""As the receivers of webhooks answer, the faster half of them."""


def one_endpoint(sink: Sink) -> list[Site]:
    """Return one endpoint, which gets events of all types."""
    return [Site(sink.url("/one"), event_types=EVERY_TYPE)]


def own_origins(count: int) -> Callable[[Sink], list[Site]]:
    """Return what makes endpoints on an origin each: 127.0.0.1, 127.0.0.2 and so on."""

    def make(sink: Sink) -> list[Site]:
        hosts = (f"127.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}" for n in range(1, count + 1))
        return [Site(sink.url(f"/{n}", host)) for n, host in enumerate(hosts, 1)]

    return make


def throughput(lab: Lab) -> Finding:
    """One worker and one endpoint against the references, in turns."""
    kinds: list[Kind] = ["aiohttp", "httpx", "raw"]
    kinds += ["wrk"] if shutil.which("wrk") else []
    ours: list[Sample] = []
    theirs: dict[Kind, list[Sample]] = {kind: [] for kind in kinds}
    with lab.trial(one_endpoint) as trial:
        for number in range(lab.effort.repetitions):
            trial.top_up(lab.effort.events)
            lab.tell(f"plaudit, {number + 1} of {lab.effort.repetitions}")
            ours.append(trial.deliver(lab.effort.seconds))
            for kind in kinds:
                lab.tell(f"{kind}, {number + 1} of {lab.effort.repetitions}")
                most = WITHOUT_END if kind in CEILINGS else trial.published
                theirs[kind].append(trial.compare(kind, lab.effort.seconds, most))
    figures = _contender("plaudit", ours)
    for kind, samples in theirs.items():
        figures += _contender(kind, samples)
    figures += [
        ratio(
            "cpu_vs_aiohttp", "CPU per delivery against aiohttp", ours, theirs["aiohttp"], "cpu_us"
        ),
        ratio("rate_vs_httpx", "deliveries/s against httpx", ours, theirs["httpx"], "rate"),
        figure("sink_us", "the sink's own CPU per request", "µs", theirs["raw"], "sink_us"),
        figure("detours", "records through deliveries.*, per delivery", "", ours, "detours"),
        figure("memory_mib", "memory of the worker, at most", "MiB", ours, "memory_mib"),
        figure("start_s", "process start to first delivery", "s", ours, "start_s"),
    ]
    return Finding(tuple(figures))


def hundred(lab: Lab) -> Finding:
    """One worker and 100 endpoints on an origin each."""
    with lab.trial(own_origins(MANY)) as trial:
        samples = _drained(lab, trial.top_up, trial.deliver)
    return Finding(tuple(_contender("plaudit, 100 endpoints", samples, key="plaudit")))


def slow_answers(lab: Lab) -> Finding:
    """100 endpoints that answer after 50 ms."""
    with lab.trial(own_origins(MANY)) as trial:
        for site in range(1, MANY + 1):
            trial.sink.delay(f"/{site}", ANSWER_S)
        samples = _drained(lab, trial.top_up, trial.deliver)
    name = f"plaudit, answers after {ANSWER_S * 1_000:.0f} ms"
    return Finding(tuple(_contender(name, samples, key="plaudit")))


def ordinary_answers(lab: Lab) -> Finding:
    """1,000 endpoints that answer after 100 ms."""
    with lab.trial(own_origins(ORDINARY)) as trial:
        for site in range(1, ORDINARY + 1):
            trial.sink.delay(f"/{site}", ORDINARY_S)
        samples = _drained(lab, trial.top_up, trial.deliver)
    # Little's law: as many are open as are answered in the time that an answer takes.
    together = [
        Sample({"together": each.values["rate"] * ORDINARY_S}, each.void) for each in samples
    ]
    name = f"plaudit, {ORDINARY:,} endpoints, answers after {ORDINARY_S * 1_000:.0f} ms"
    figures = [
        *_contender(name, samples, key="plaudit"),
        figure("together", "requests open at once, on average", "", together, "together"),
        figure("memory_mib", "memory of the worker, at most", "MiB", samples, "memory_mib"),
    ]
    return Finding(tuple(figures))


def tls(lab: Lab) -> Finding:
    """The same over TLS and without, in turns."""
    plain: list[Sample] = []
    secure: list[Sample] = []
    with (
        lab.trial(one_endpoint) as without,
        lab.trial(lambda sink: [Site(sink.url("/one", tls=True))], tls=True) as with_tls,
    ):
        for _ in range(lab.effort.repetitions):
            for trial, samples in ((without, plain), (with_tls, secure)):
                trial.top_up(lab.effort.events)
                samples.append(trial.deliver(lab.effort.seconds))
    figures = [
        *_contender("plaudit, plain", plain, key="plain", chart=False),
        *_contender("plaudit, TLS", secure, key="tls"),
        ratio("rate_vs_plain", "deliveries/s over TLS against plain", secure, plain, "rate"),
    ]
    return Finding(tuple(figures))


def two_workers(lab: Lab) -> Finding:
    """Two workers and one, in turns, over events of every topic.

    Arrivals are recorded: when the second worker joins, what moves to it may be delivered twice.
    """

    def shared(sink: Sink) -> list[Site]:
        return [Site(sink.url("/one"), event_types=OF_EACH_TOPIC)]

    one: list[Sample] = []
    two: list[Sample] = []
    with lab.trial(shared, workers=2, record=True) as trial:
        for _ in range(lab.effort.repetitions):
            for count, samples in ((1, one), (2, two)):
                # As much again is gone before the second one has joined.
                trial.top_up(lab.effort.events * count)
                samples.append(trial.deliver(lab.effort.seconds, count))
    figures = [
        *_contender("plaudit, one worker", one, key="one", chart=False),
        *_contender("plaudit, two workers", two, key="two", chart=False),
        ratio("rate_vs_one", "deliveries/s, two workers against one", two, one, "rate"),
        ratio("cpu_vs_one", "CPU per delivery, two workers against one", two, one, "cpu_us"),
        figure("repeated", "deliveries made twice, as one joined", "", two, "repeated"),
    ]
    return Finding(tuple(figures))


def _drained(
    lab: Lab, top_up: Callable[[int], None], deliver: Callable[[float], Sample]
) -> list[Sample]:
    samples = []
    for number in range(lab.effort.repetitions):
        top_up(lab.effort.events)
        lab.tell(f"plaudit, {number + 1} of {lab.effort.repetitions}")
        samples.append(deliver(lab.effort.seconds))
    return samples


def _contender(
    who: str, samples: Sequence[Sample], *, key: str = "", chart: bool = True
) -> list[Figure]:
    prefix = key or who
    rate, cpu = (PER_SECOND, CPU) if chart else ("", "")
    return [
        figure(f"{prefix}.rate", f"{who}: deliveries", "/s", samples, "rate", chart=rate, bar=who),
        figure(f"{prefix}.cpu_us", f"{who}: CPU", "µs", samples, "cpu_us", chart=cpu, bar=who),
    ]
