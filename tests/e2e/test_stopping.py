"""A worker is stopped while an event has gone to one endpoint, and not to another."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from e2e.rig import Rig
from e2e.sink import Sink
from waiting import PROMPTLY_S

pytestmark = [pytest.mark.broker, pytest.mark.e2e]
COUNT = 40


async def good(_: web.Request, __: int) -> web.Response:
    return web.Response()


def test_deliveries_that_wait_for_a_slow_endpoint_repeat_nothing_at_a_quick_one(
    rig: Rig, sink: Sink
) -> None:
    """One at a time goes to the slow one, so most events wait for it when the worker stops."""
    stopped = asyncio.Event()

    async def slow(_: web.Request, __: int) -> web.Response:
        if not stopped.is_set():
            await asyncio.sleep(0.5)
        return web.Response()

    rig.endpoint(sink.on("quick", good))
    rig.endpoint(sink.on("slow", slow))
    ids = set(rig.publish(COUNT))
    first = rig.worker(PLAUDIT_ENDPOINT_IN_FLIGHT="1")
    assert sink.wait_until(lambda: set(sink.ids("quick")) == ids, PROMPTLY_S)
    assert rig.stop(first) == 0
    stopped.set()
    rig.worker()
    assert sink.wait_until(lambda: set(sink.ids("slow")) == ids, PROMPTLY_S)
    assert set(sink.ids("quick").values()) == {1}, "delivered once, though its event was open"
    assert set(sink.ids("slow").values()) == {1}
    assert {each["reason"] for each in rig.attempts() if each["outcome"] == "diverted"} == {
        "rebalance"
    }
