"""No endpoint costs another one anything, a limit is a limit, and workers look after each other."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import httpx
import pytest

from e2e.rig import PROMPTLY_S, Rig, free_port
from e2e.sink import Arrival, Sink, good, hanging

pytestmark = [pytest.mark.broker, pytest.mark.e2e]

HANGING = 400
HEALTHY = 1_500


def at(sink: Sink, name: str) -> list[Arrival]:
    """Return what arrived at an endpoint, answered or not."""
    return [each for each in tuple(sink.arrivals) if each.path == f"/{name}"]


def test_while_hundreds_of_requests_hang_every_other_delivery_arrives(rig: Rig, sink: Sink) -> None:
    # Both endpoints have one origin, and so could share a pool.
    rig.endpoint(sink.on("hanging", hanging), event_types=["testimonial.published"])
    rig.endpoint(sink.on("good", good), event_types=["testimonial.approved"])
    worker = rig.worker(
        PLAUDIT_ENDPOINT_IN_FLIGHT=str(HANGING),
        PLAUDIT_FIRST_BYTE_TIMEOUT="250",
        PLAUDIT_TOTAL_TIMEOUT="250",
        PLAUDIT_LOG_ATTEMPTS="failures",
    )
    rig.publish(HANGING * 2, "testimonial.published")
    assert sink.wait_until(lambda: len(at(sink, "hanging")) >= HANGING, PROMPTLY_S)
    ids = set(rig.publish(HEALTHY))
    assert sink.wait_until(lambda: set(sink.ids("good")) == ids, PROMPTLY_S)
    assert len(at(sink, "hanging")) >= HANGING
    assert not any(each.status for each in at(sink, "hanging")), "all of them still hang"
    worker.kill()


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
