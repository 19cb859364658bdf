"""The pipeline of a lane, between a record and its settled deliveries."""

from __future__ import annotations

import asyncio

from deliver.whole import ENDPOINTS, Whole, event


async def test_a_record_is_done_when_the_brokers_have_acknowledged_all_of_its_deliveries() -> None:
    whole = Whole()
    lane = whole.events
    lane.hand_over(event(0))
    for _ in range(10):  # to the loop, to the endpoint, and back
        await asyncio.sleep(0)
    assert len(whole.server.waiting) >= len(ENDPOINTS)
    while whole.server.waiting:
        assert lane.pending == 1
        whole.server.acknowledge()
        lane.take_done()
    assert lane.pending == 0
