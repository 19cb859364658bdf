"""Cost of tracing: off, and for one trace in a hundred, against a worker without the SDK."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from bench.children import Sink
from bench.figures import Finding, Sample, figure, ratio
from bench.lab import Lab
from bench.scenarios.throughput import one_endpoint

HIDDEN: Final = "import sys\nsys.modules['opentelemetry'] = None\n"
"""A `sitecustomize` that makes the SDK look as if it was not installed."""
SHARE: Final = "0.01"


def tracing(lab: Lab) -> Finding:
    """One worker three ways, in turns; its spans go to a sink that takes them for a collector."""
    with TemporaryDirectory(prefix="plaudit-bench-") as folder, lab.trial(one_endpoint) as trial:
        Path(folder, "sitecustomize.py").write_text(HIDDEN)
        with Sink(trial.rest, Path(folder)) as collector:
            ways: Mapping[str, Mapping[str, str]] = {
                "absent": {"PYTHONPATH": folder},
                "off": {},
                "sampled": {
                    "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url(""),
                    "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
                    "OTEL_TRACES_SAMPLER_ARG": SHARE,
                },
            }
            made: dict[str, list[Sample]] = {way: [] for way in ways}
            for number in range(lab.effort.repetitions):
                for way, environment in ways.items():
                    trial.top_up(lab.effort.events)
                    lab.tell(f"{way}, {number + 1} of {lab.effort.repetitions}")
                    made[way].append(trial.deliver(lab.effort.seconds, environment=environment))
            exported = collector.reading().arrived
    if not exported:
        raise RuntimeError("no span was exported")
    absent, off, sampled = (made[way] for way in ("absent", "off", "sampled"))
    return Finding(
        (
            figure("absent.cpu", "CPU per delivery without the SDK", "µs", absent, "cpu_us"),
            figure("off.cpu", "CPU per delivery, tracing off", "µs", off, "cpu_us"),
            figure("sampled.cpu", "CPU per delivery, 1 % sampled", "µs", sampled, "cpu_us"),
            ratio("off.vs_absent", "tracing off against no SDK", off, absent, "cpu_us"),
            ratio("sampled.vs_absent", "1 % sampled against no SDK", sampled, absent, "cpu_us"),
        )
    )
