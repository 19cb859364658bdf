"""Measures one worker on this machine, in one run: `make bench`.

Prints a table for people, and with `--json` one object for machines. Arrivals are counted at the
sink, and a run in which any is missing is void.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.sink import Counts, serve
from conftest import apply_topics
from e2e.rig import Rig
from plaudit.dev.kafka import find_kafka
from plaudit.kafka.settings import KafkaSettings
from plaudit.publish import Publisher

READY_S = 60.0


@dataclass
class Report:
    """What was measured."""

    kafka: str
    publish_per_s: float
    publish_cpu_us: float
    start_to_first_delivery_s: float
    deliveries: int
    deliveries_per_s: float
    cpu_us_per_delivery: float
    memory_mib: float
    low_rate_p50_ms: float
    low_rate_p99_ms: float
    void: str = ""


def main() -> int:
    """Run everything; return the exit code."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=…", description=__doc__)
    parser.add_argument("--events", type=int, default=10_000, help="for the rates")
    parser.add_argument("--rate", type=float, default=20.0, help="events per second for latency")
    parser.add_argument("--seconds", type=float, default=15.0, help="of the latency run")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    given = parser.parse_args()
    report = measure(given.events, given.rate, given.seconds)
    if given.json:
        print(json.dumps(asdict(report)))
    else:
        for name, value in asdict(report).items():
            shown = f"{value:,.1f}" if isinstance(value, float) else value
            print(f"{name:28} {shown}")
    return 1 if report.void else 0


def measure(events: int, rate: float, seconds: float) -> Report:
    """Measure; the sink is a process of its own, so that it costs the worker nothing."""
    with ExitStack() as stack:
        kafka = stack.enter_context(find_kafka(None, announce=say))
        settings = KafkaSettings(
            bootstrap_servers=kafka.bootstrap, topic_prefix="bench.", retry_schedule="5s"
        )
        apply_topics(settings)
        counts = Counts()
        port = multiprocessing.Value("i", 0)
        sink = multiprocessing.Process(target=serve, args=(port, counts), daemon=True)
        sink.start()
        stack.callback(sink.terminate)
        wait(lambda: port.value > 0, "the sink")
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        rig = stack.enter_context(Rig(settings, folder))
        rig.endpoint(f"http://127.0.0.1:{port.value}/")
        publish_per_s, publish_cpu_us = publish(rig, events)
        began = time.monotonic()
        worker = rig.worker(PLAUDIT_LOG_ATTEMPTS="none")
        wait(lambda: counts.total.value > 0, "the first delivery")
        first_s = time.monotonic() - began
        rate_s, cpu_us, memory = drain(worker.pid, counts, events)
        late = low_rate(rig, counts, rate, seconds)
        void = "" if counts.total.value >= events + len(late) else "arrivals are missing"
        if rig.stop(worker) != 0:
            void = "the worker failed"
        cuts = statistics.quantiles(late, n=100)
        return Report(
            kafka.how,
            publish_per_s,
            publish_cpu_us,
            first_s,
            events,
            rate_s,
            cpu_us,
            memory,
            cuts[49],
            cuts[98],
            void,
        )


def publish(rig: Rig, events: int) -> tuple[float, float]:
    """Publish typed events; return events per second and CPU-µs each, this process's."""
    made = [rig.event() for _ in range(events)]
    began, cpu = time.monotonic(), time.process_time()
    with Publisher(rig.settings) as publisher:
        for event in made:
            publisher.publish(event)
        missing = publisher.flush(120)
    assert not missing, f"{missing} events are not acknowledged"
    took_s, used_s = time.monotonic() - began, time.process_time() - cpu
    return events / took_s, used_s / events * 1e6


def drain(pid: int, counts: Counts, events: int) -> tuple[float, float, float]:
    """Wait until the backlog is delivered; return rate, CPU-µs each, and MiB at the end."""
    began, first, cpu = time.monotonic(), counts.total.value, cpu_s(pid)
    shown = began
    while (done := counts.total.value) < events:
        time.sleep(0.01)
        if time.monotonic() - shown > 2:
            shown = time.monotonic()
            pace = (done - first) / (shown - began)
            say(f"  {done:,} of {events:,} delivered, {pace:,.0f}/s")
    took_s = time.monotonic() - began
    delivered = events - first
    return delivered / took_s, (cpu_s(pid) - cpu) / delivered * 1e6, memory_mib(pid)


def low_rate(rig: Rig, counts: Counts, rate: float, seconds: float) -> list[float]:
    """Publish at a fixed rate; return milliseconds from when each was due to its arrival."""
    count = int(rate * seconds)
    say(f"  latency: {count} events at {rate:g}/s")
    before = counts.total.value
    due: dict[str, float] = {}
    with Publisher(rig.settings) as publisher:
        began = time.time() + 0.1
        for number in range(count):
            event = rig.event()
            at = began + number / rate
            time.sleep(max(0.0, at - time.time()))
            due[str(event.meta.event_id)] = at
            publisher.publish(event)
    wait(lambda: counts.total.value >= before + count, "the last arrival")
    return [(at - due[event_id]) * 1_000 for event_id, at in counts.arrivals() if event_id in due]


def cpu_s(pid: int) -> float:
    """Return the CPU seconds that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def memory_mib(pid: int) -> float:
    """Return the resident memory of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    [line] = [line for line in lines if line.startswith("VmRSS:")]
    return int(line.split()[1]) / 1_024


def wait(reached: Callable[[], Any], what: str) -> None:
    """Wait for something.

    Raises:
        TimeoutError: it does not come.
    """
    deadline = time.monotonic() + READY_S
    while not reached():
        if time.monotonic() > deadline:
            msg = f"{what} does not come"
            raise TimeoutError(msg)
        time.sleep(0.005)


def say(text: str) -> None:
    """Tell how far it is, apart from the data."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
