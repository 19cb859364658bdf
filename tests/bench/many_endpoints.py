"""A worker with very many endpoints: `cd tests && python -m bench.many_endpoints [ENDPOINTS]`.

The endpoints are those of `bench.endpoint_table`, in the topic of a real broker, and all of them
belong to one sink. A worker is started, gets events, is killed and started again. Prints a line of
JSON: seconds until the worker is ready, its CPU by kind of thread and its memory; whether every
delivery arrived; seconds from the kill to the next delivery; and what reading the topic and filling
the table cost alone, in another process.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Final

from bench.children import Sink
from bench.endpoint_table import PART, WIDE, held_mb, record, workspace_of
from bench.idle import TICKS, free_port, ready_after_s, threads
from bench.installation import Installation, Site, events, install
from bench.machine import available_cores, memory_mib
from plaudit.dev.kafka import find_kafka
from plaudit.endpoints.keys import SecretKeys
from plaudit.endpoints.table import EndpointTable
from plaudit.events.avro.build_kind import form
from plaudit.kafka.errors import BufferFull
from plaudit.kafka.read.compacted import CompactedTopic
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.write.producer import Producer
from plaudit.publish import Publisher

EVENTS: Final = 20
"""Published each time, to a workspace each."""
MIB_IN_MB: Final = 1.048576
WRITE_S: Final = 60.0
ARRIVE_S: Final = 300.0
READY_WITHIN_S: Final = 300.0
LOOK_S: Final = 0.01
SPAWN: Final = get_context("spawn")
"""A process that was forked beside the threads of clients would hang."""


def write_part(settings: KafkaSettings, key: bytes, base: str, first: int, count: int) -> None:
    """Write the records of a part of the endpoints."""
    keys, topic = SecretKeys([key]), settings.names.endpoints
    with Producer(settings) as producer:
        for number in range(first, min(first + PART, count)):
            endpoint, value = record(number, keys=keys, base=base)
            while True:
                try:
                    producer.publish(topic, value, endpoint)
                    break
                except BufferFull:
                    producer.wait_for_progress(WRITE_S)
        if producer.flush(WRITE_S):
            sys.exit("the brokers do not take the records")


def write(settings: KafkaSettings, key: bytes, base: str, count: int) -> None:
    """Write the records of all endpoints, with every core."""
    with ProcessPoolExecutor(os.cpu_count(), SPAWN) as pool:
        part = partial(write_part, settings, key, base, count=count)
        for _ in pool.map(part, range(0, count, PART)):
            pass


class Filling:
    """Takes the records of the topic into a table, and separates the CPU of both."""

    def __init__(self, keys: SecretKeys) -> None:
        self.table = EndpointTable(keys)
        self.table_s = 0.0
        self._part: list[tuple[bytes, bytes | None]] = []

    def add(self, key: bytes, value: bytes | None) -> None:
        """Take a record; fill it in with many others."""
        self._part.append((key, value))
        if len(self._part) == PART:
            self.fill()

    def fill(self) -> None:
        """Fill in what was taken."""
        began = time.thread_time()
        for key, value in self._part:
            self.table.apply(key, value, 1)
        self.table_s += time.thread_time() - began
        self._part.clear()


def table_alone(settings: KafkaSettings, key: bytes) -> Mapping[str, float]:
    """Read the topic into a table, in this process; return what that cost."""
    before = held_mb()
    filling = Filling(SecretKeys([key]))
    topic = CompactedTopic(settings, settings.names.endpoints, filling.add)
    used, began = time.process_time(), time.monotonic()
    topic.read_to_end()
    topic.close()
    filling.fill()
    took, spent = time.monotonic() - began, time.process_time() - used
    return {
        "alone_s": round(took, 2),
        "alone_reading_cpu_s": round(spent - filling.table_s, 2),
        "alone_table_cpu_s": round(filling.table_s, 2),
        "alone_mb": round(held_mb()),
        "alone_before_mb": round(before),
    }


@contextmanager
def worker(environment: Mapping[str, str]) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Run a worker; give its port, too."""
    port = free_port()
    process = subprocess.Popen(
        [Path(sys.executable).with_name("plaudit"), "deliver"],
        env={**os.environ, **environment, "PLAUDIT_METRICS_PORT": str(port)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process, port
    finally:
        process.terminate()
        process.wait()


class Load:
    """Events for some of the endpoints, and their arrivals."""

    def __init__(self, installation: Installation, sink: Sink, count: int) -> None:
        self._settings = installation.settings
        self._sink = sink
        of_each = Counter(workspace_of(number) for number in range(count))
        del of_each[WIDE]
        step = max(1, len(of_each) // EVENTS)
        self._chosen = dict(list(of_each.items())[::step][:EVENTS])

    def publish(self) -> int:
        """Publish an event to each of the workspaces; return how many deliveries follow."""
        sites = [Site("", workspace_id=each) for each in self._chosen]
        with Publisher(self._settings, source="/plaudit/bench") as publisher:
            for event in events(sites, len(sites)):
                publisher.publish(event)
        return sum(self._chosen.values())

    def arrived(self, since: int, count: int) -> float:
        """Wait for this number of deliveries; return the time at which the first was seen."""
        deadline, first_at = time.monotonic() + ARRIVE_S, 0.0
        while (seen := self._sink.reading().arrived - since) < count:
            if seen and not first_at:
                first_at = time.monotonic()
            if time.monotonic() > deadline:
                sys.exit(f"{seen} of {count} deliveries arrived")
            time.sleep(LOOK_S)
        return first_at or time.monotonic()


def deliver(installation: Installation, sink: Sink, count: int) -> dict[str, object]:
    """Start a worker, publish, kill it, and start another."""
    load = Load(installation, sink, count)
    began = time.monotonic()
    with worker(installation.environment) as (process, port):
        ready_s = ready_after_s(port, began, READY_WITHIN_S)
        used = {name: ticks / TICKS for name, ticks in threads(process.pid).most_common(4)}
        ready_mb = memory_mib(process.pid, peak=False) * MIB_IN_MB
        deliveries, published = load.publish(), time.monotonic()
        load.arrived(0, deliveries)
        arrived_s = time.monotonic() - published
        memory = {
            "held_mb": round(memory_mib(process.pid, peak=False) * MIB_IN_MB),
            "peak_mb": round(memory_mib(process.pid) * MIB_IN_MB),
        }
        before = sink.reading().arrived
        process.kill()
        process.wait()
        killed = time.monotonic()
    deliveries = load.publish()
    with worker(installation.environment) as (process, _):
        first = load.arrived(before, deliveries)
    return {
        "ready_s": round(ready_s, 2),
        "ready_cpu_s": round(sum(used.values()), 2),
        "threads_cpu_s": used,
        "ready_mb": round(ready_mb),
        **memory,
        "deliveries": deliveries,
        "arrived_s": round(arrived_s, 2),
        "kill_to_delivery_s": round(first - killed, 2),
    }


def main(count: int) -> None:
    """Measure and print."""
    with (
        find_kafka(os.environ.get("PLAUDIT_TEST_KAFKA"), announce=print) as found,
        tempfile.TemporaryDirectory() as folder,
        Sink(available_cores(), Path(folder)) as sink,
        install(KafkaSettings(bootstrap_servers=found.bootstrap), [Site(sink.url("/"))]) as made,
    ):
        key = base64.b64decode(made.environment["PLAUDIT_SECRET_KEY"])
        write(made.settings, key, sink.url("/tenants/"), count)
        figures = deliver(made, sink, count)
        with ProcessPoolExecutor(1, SPAWN) as pool:
            alone = pool.submit(table_alone, made.settings, key).result()
    print(json.dumps({"form": form(), "endpoints": count, **figures, **alone}))


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 1_000_000)
