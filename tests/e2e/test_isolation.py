"""No endpoint costs another one anything, a limit is a limit, and workers look after each other."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass

import httpx
import pytest
from aiohttp import web

from bench.machine import descriptors, memory_mib
from e2e.rig import Rig, free_port
from e2e.sink import Arrival, Sink, good
from plaudit.deliver.http_client import allow_many_sockets
from waiting import PROMPTLY_S

pytestmark = [pytest.mark.broker, pytest.mark.e2e]

ROUNDS = 3
"""From the second one on through the deliveries lane: who took so long is slow."""
KEPT = 100
"""Connections that may stay open for a while: the healthy endpoint's 64, and the brokers'."""
MEMORY_MIB = 150
GROWTH_MIB = 8
"""From round to round; 6 KiB for each request that hung."""


def at(sink: Sink, name: str) -> list[Arrival]:
    """Return what arrived at an endpoint, answered or not."""
    return [each for each in tuple(sink.arrivals) if each.path == f"/{name}"]


@dataclass(frozen=True)
class Size:
    """The size of a run: requests that hang, and deliveries that arrive meanwhile.

    Attributes:
        hanging: endpoints that do not answer.
        each: requests that each of them holds.
        healthy: deliveries to another endpoint in each round.
    """

    hanging: int
    each: int
    healthy: int

    def __str__(self) -> str:
        return f"{self.hanging * self.each}"


SMALL = Size(10, 30, 300)
FULL = Size(30, 50, 1_500)


@pytest.mark.parametrize("size", [SMALL, pytest.param(FULL, marks=pytest.mark.nightly)], ids=str)
def test_while_requests_hang_every_other_delivery_arrives_and_all_is_given_back(
    rig: Rig, sink: Sink, size: Size
) -> None:
    allow_many_sockets()
    gate, hanging = Gate(), size.hanging * size.each
    # All of them have one origin, and so could share a pool.
    for number in range(size.hanging):
        rig.endpoint(sink.on(f"hanging-{number}", gate), event_types=["testimonial.published"])
    rig.endpoint(sink.on("good", good), event_types=["testimonial.approved"])
    worker = rig.worker(
        PLAUDIT_FIRST_BYTE_TIMEOUT="250",
        PLAUDIT_TOTAL_TIMEOUT="250",
        PLAUDIT_LOG_ATTEMPTS="failures",
    )
    arrives(rig, sink, 1)
    descriptors_before = descriptors(worker.pid)
    peaks = []
    for _ in range(ROUNDS):
        rig.publish(size.each, "testimonial.published")
        until(sink, lambda: gate.waiting == hanging)
        arrives(rig, sink, size.healthy)
        assert gate.waiting == hanging, "all of them still hang"
        assert descriptors(worker.pid) > hanging
        sink.call(gate.open)
        until(sink, lambda: not gate.waiting)
        until(sink, lambda: descriptors(worker.pid) <= descriptors_before + KEPT)
        peaks.append(memory_mib(worker.pid))
    assert peaks[-1] <= MEMORY_MIB
    assert peaks[-1] - peaks[-2] <= GROWTH_MIB, "what hung is given back"
    assert rig.stop(worker) == 0
    outcomes = {each["outcome"] for each in rig.logged("delivery.attempted")}
    assert outcomes <= {"diverted"}, "none has failed"


class Gate:
    """Holds every request until it is opened; then answers all, and closes their connections.

    Attributes:
        waiting: requests without an answer.
    """

    def __init__(self) -> None:
        self.waiting = 0
        self._opened = asyncio.Event()

    async def __call__(self, _: web.Request, __: int) -> web.StreamResponse:
        """Answer a request, in time."""
        self.waiting += 1
        try:
            await self._opened.wait()
        finally:
            self.waiting -= 1
        answer = web.Response()
        answer.force_close()
        return answer

    def open(self) -> None:
        """Answer all; who comes later waits again. In the event loop's thread."""
        self._opened.set()
        self._opened = asyncio.Event()


def arrives(rig: Rig, sink: Sink, count: int) -> None:
    """Publish for the healthy endpoint, and wait until it has all of it."""
    ids = set(rig.publish(count))
    until(sink, lambda: ids <= set(sink.ids("good")))


def test_two_workers_together_send_a_limited_endpoint_no_more_than_its_rate(
    rig: Rig, sink: Sink
) -> None:
    rig.endpoint(sink.on("limited", good), rate_limit=5.0)
    for _ in range(2):
        rig.worker()
    ids = rig.publish(60)
    assert sink.wait_until(lambda: len(sink.ids("limited")) == len(ids), PROMPTLY_S)
    times = [each.at for each in at(sink, "limited")]
    assert times[-1] - times[0] >= (len(ids) - 3) / 5
    assert busiest_second(times) <= 10


def busiest_second(times: list[float]) -> int:
    """Return how many arrived in the busiest second."""
    return max(sum(begin <= each < begin + 1 for each in times) for begin in times)


def test_workers_under_a_supervisor_share_the_work_and_one_that_dies_is_replaced(
    rig: Rig, sink: Sink
) -> None:
    rig.endpoint(sink.on("good", good))
    port = free_port()
    supervisor = rig.worker(
        "--workers", "2", PLAUDIT_METRICS_PORT=str(port), PLAUDIT_METRICS_HOST="127.0.0.1"
    )
    ids = set(rig.publish(100))
    assert sink.wait_until(lambda: set(sink.ids("good")) == ids, PROMPTLY_S)
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
        until(sink, lambda: client.get("/readyz").status_code == 200)
        metrics = client.get("/metrics").text
        assert "plaudit_workers_running 2.0" in metrics
        assert 'process_resident_memory_bytes{worker="1"}' in metrics
        victim = rig.logged("delivery.attempted")[0]["worker"].rpartition(":")[2]
        os.kill(int(victim), signal.SIGKILL)
        restarted = "plaudit_worker_restarts_total{worker="
        until(
            sink,
            lambda: any(
                line.startswith(restarted) and line.endswith(" 1.0")
                for line in client.get("/metrics").text.splitlines()
            ),
        )
        until(sink, lambda: client.get("/readyz").status_code == 200)
    more = set(rig.publish(100))
    assert sink.wait_until(lambda: more <= set(sink.ids("good")), PROMPTLY_S)
    assert rig.stop(supervisor) == 0
    assert len(rig.logged("worker.ended")) == 1


def until(sink: Sink, reached: Callable[[], bool]) -> None:
    """Wait until something outside of the sink has happened."""
    assert sink.wait_until(reached, PROMPTLY_S)
