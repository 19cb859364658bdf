"""The cost of a delivery this side of Kafka: `cd tests && python -m bench.delivery_cost [COUNT]`.

The way from a record's bytes to its attempt record and back, over real sockets to a sink in another
process; where the worker has a source and a producer, there are lists here. So a change to the hot
path shows within seconds, and `--profile` shows where. Beside it, in turns, an aiohttp client that
only POSTs the same records. Prints a line of JSON; the figures are medians of five turns, in
CPU-µs, user and system together, and the ratio is taken turn by turn. With `--tracing` the second
course is another one that records 1 % of the traces, and exports them to the sink.
"""

from __future__ import annotations

import asyncio
import cProfile
import json
import multiprocessing
import os
import sys
import time
from collections import deque
from collections.abc import Awaitable
from ipaddress import ip_network
from statistics import median
from typing import cast
from uuid import UUID

import aiohttp
import uvloop

from bench.counting_sink import Counts, serve
from bench.installation import EVERY_TYPE, Site, events
from endpoint_records import endpoint_value
from plaudit.deliver.isolation.limits import AdmissionLimits
from plaudit.deliver.model.decision import RetryPlan
from plaudit.deliver.offsets.assignment import Assignment, Record
from plaudit.deliver.pipeline.attempt import Attempter
from plaudit.deliver.pipeline.context import LaneContext, PipelineContext
from plaudit.deliver.pipeline.lanes import EVENTS
from plaudit.deliver.pipeline.pipeline import Pipeline
from plaudit.deliver.settle.settler import Settler
from plaudit.deliver.telemetry.attempt_log import AttemptLogger
from plaudit.deliver.telemetry.delivery_spans import DeliverySpans
from plaudit.endpoints.keys import SecretKeys
from plaudit.endpoints.opening import EncryptedFields, seal
from plaudit.endpoints.signing import Secret, new_secret
from plaudit.endpoints.table import EndpointTable
from plaudit.events.avro.build_kind import form
from plaudit.events.encoding import encode
from plaudit.kafka.broker_clock import BrokerClock
from plaudit.kafka.read.consumer import CommittedOffset, Partition
from plaudit.kafka.write.producer import Ack, OnAck, Producer
from plaudit.records.delays import NOW
from plaudit.records.names import Names
from plaudit.runtime.gc_tuning import spare_the_collector
from plaudit.tracing.writer import Tracing, closed, open_tracing
from plaudit.transport.addresses import AddressPolicy
from plaudit.transport.engine.engine import Engine
from plaudit.transport.net.dialer import Dialer
from plaudit.transport.net.tls import tls_context

WORKSPACE, ENDPOINT = str(UUID(int=1)), str(UUID(int=2))
BATCH = 50
MOST_IN_HAND = 100


class Acknowledging:
    """Replacement of the producer, which acknowledges records on demand."""

    def __init__(self) -> None:
        self._waiting: deque[OnAck] = deque()
        self._ack = Ack("plaudit.attempts", 0, 0, int(time.time() * 1_000))

    def send(
        self, topic: str, value: bytes, key: bytes, headers: object = None, *, on_ack: OnAck
    ) -> None:
        """Store a record."""
        del topic, value, key, headers
        self._waiting.append(on_ack)

    def acknowledge(self) -> None:
        """Acknowledge all stored records."""
        while self._waiting:
            self._waiting.popleft()(self._ack)


class Course:
    """A lane with one endpoint that always has records to process."""

    def __init__(self, port: int, tracing: Tracing | None = None) -> None:
        producer = Acknowledging()
        settler = Settler(cast("Producer", producer), Names(), "host:1", BrokerClock())
        spans = tracing and DeliverySpans(tracing, settler.defects, settler.now_ms)
        dialer = Dialer(AddressPolicy((ip_network("127.0.0.0/8"),)))
        self._engine = Engine(dialer, tls_context())
        shared = PipelineContext(
            Attempter(self._engine),
            settler,
            AttemptLogger("failures", "host:1"),
            RetryPlan((NOW,), (NOW,)),
            AdmissionLimits(),
            _table(port),
            lambda: True,
            spans=spans,
        )
        self._pipeline = Pipeline(LaneContext(shared), EVENTS)
        self._producer = producer
        self._settled: deque[Record] = deque()
        place, partition = CommittedOffset(None, ""), Partition("plaudit.testimonials", 0)
        self._assignment = Assignment(partition, 0, place, 0, self._settled.append)
        self._given = 0
        self._began_ms = int(time.time() * 1_000)

    async def run(self, values: list[bytes], count: int) -> None:
        """Deliver this many."""
        left, in_hand = count, 0
        while left or in_hand:
            if in_hand <= MOST_IN_HAND:
                self._begin(values, min(left, BATCH))
                left -= min(left, BATCH)
            await asyncio.sleep(0)
            self._producer.acknowledge()
            self._settled.clear()
            in_hand = self._pipeline.admission.in_hand

    def _begin(self, values: list[bytes], count: int) -> None:
        for _ in range(count):
            self._given += 1
            value = values[self._given % len(values)]
            self._pipeline.process(Record(self._assignment, self._given, self._began_ms, value))

    async def close(self) -> None:
        """Close the connections."""
        await self._engine.aclose()


def _table(port: int) -> EndpointTable:
    keys = SecretKeys([os.urandom(32)])
    private = EncryptedFields(f"http://127.0.0.1:{port}/hook", {}, [Secret(new_secret())])
    sealed = seal(keys, ENDPOINT, private)
    table = EndpointTable(keys)
    value = endpoint_value(
        ENDPOINT,
        workspace_id=WORKSPACE,
        version=1,
        key_id=sealed.key_id,
        sealed=sealed.blob,
        active_from=0,
    )
    table.apply(ENDPOINT.encode(), value)
    return table


async def plain(port: int, values: list[bytes], count: int) -> None:
    """POST this many by aiohttp, 64 at once."""
    connector = aiohttp.TCPConnector(limit=64)
    async with aiohttp.ClientSession(connector=connector) as session:
        left = iter(range(count))

        async def work() -> None:
            for number in left:
                url, value = f"http://127.0.0.1:{port}/hook", values[number % len(values)]
                async with session.post(url, data=value) as response:
                    await response.read()

        await asyncio.gather(*(work() for _ in range(64)))


async def cost_us(work: Awaitable[None], count: int) -> tuple[float, float]:
    """Return the CPU time of a delivery in microseconds, and the kernel's part of it."""
    before = os.times()
    await work
    after = os.times()
    system = after.system - before.system
    return (after.user - before.user + system) / count * 1e6, system / count * 1e6


def exported(port: int) -> Tracing | None:
    """Return a tracing that records one trace in a hundred, and exports it to the sink."""
    environment = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
        "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
        "OTEL_TRACES_SAMPLER_ARG": "0.01",
    }
    os.environ.update(environment)  # which the exporter reads by itself
    return open_tracing("bench", environment)


async def compare_tracing(port: int, count: int) -> None:
    """Measure a course that records traces against one that does not, in turns."""
    values = sample()
    tracing = exported(port)
    with closed(tracing):
        plain, traced = Course(port), Course(port, tracing)
        for course in (plain, traced):
            await course.run(values, 2_000)
        spare_the_collector()
        turns = [
            (
                await cost_us(plain.run(values, count), count),
                await cost_us(traced.run(values, count), count),
            )
            for _ in range(11)
        ]
        shown = {
            "form": form(),
            "off_us": round(median(off for (off, _), _ in turns), 1),
            "sampled_us": round(median(on for _, (on, _) in turns), 1),
            "ratios": sorted(round(on / off, 2) for (off, _), (on, _) in turns),
        }
        print(json.dumps(shown))
        for course in (plain, traced):
            await course.close()


def sample() -> list[bytes]:
    """Return the values of some records."""
    site = Site("", event_types=EVERY_TYPE, workspace_id=WORKSPACE)
    return [encode(each) for each in events([site], 2_000)]


async def measure(port: int, count: int, *, profiled: bool) -> None:
    """Warm up, then measure or profile."""
    values = sample()
    course = Course(port)
    await course.run(values, 2_000)
    spare_the_collector()
    if profiled:
        profile = cProfile.Profile()
        profile.enable()
        await course.run(values, count)
        profile.disable()
        profile.print_stats("tottime")
        return
    turns = [
        (
            await cost_us(course.run(values, count), count),
            await cost_us(plain(port, values, count), count),
        )
        for _ in range(5)
    ]
    shown = {
        "form": form(),
        "cpu_us": round(median(ours for (ours, _), _ in turns), 1),
        "kernel_us": round(median(kernel for (_, kernel), _ in turns), 1),
        "aiohttp_us": round(median(theirs for _, (theirs, _) in turns), 1),
        "ratio": round(median(ours / theirs for (ours, _), (theirs, _) in turns), 2),
    }
    print(json.dumps(shown))
    await course.close()


def main() -> None:
    """Start a sink and measure."""
    arguments = [each for each in sys.argv[1:] if not each.startswith("--")]
    port = multiprocessing.Value("i", 0)
    sink = multiprocessing.Process(target=serve, args=(port, Counts()), daemon=True)
    sink.start()
    while not port.value:
        time.sleep(0.01)
    count = int(arguments[0]) if arguments else 10_000
    if "--tracing" in sys.argv:
        uvloop.run(compare_tracing(port.value, count))
    else:
        uvloop.run(measure(port.value, count, profiled="--profile" in sys.argv))
    sink.terminate()


if __name__ == "__main__":
    main()
