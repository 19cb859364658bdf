"""A delivery whose name was not looked up in time: no attempt, and nothing against its endpoint."""

from __future__ import annotations

from collections import Counter

from deliver.whole import ENDPOINTS, NAMES, Whole, event
from plaudit.deliver.model.decision import Reason
from plaudit.records.names import Header
from plaudit.transport.errors import LookUpsBusy

EVENTS = 30
"""Three times as many failures as open a circuit."""
PACED = [key for key, given in ENDPOINTS.items() if "rate_limit" in given]
"""The events lane hands their deliveries to the other lane, and attempts none."""


async def test_a_name_that_was_not_looked_up_is_neither_an_attempt_nor_its_endpoints_fault() -> (
    None
):
    whole = Whole()
    whole.sender.answers = lambda _: LookUpsBusy("hooks.example")
    for number in range(EVENTS):
        whole.events.hand_over(event(number))
    await whole.run()
    whole.check_all_is_settled()
    moved = [each.headers for each in whole.server.written if each.topic == NAMES.deliveries_now]
    reasons = Counter(
        (headers[Header.ENDPOINT_ID].decode() in PACED, headers[Header.REASON].decode())
        for headers in moved
    )
    deliveries = EVENTS * len(ENDPOINTS)
    waited = EVENTS * len(PACED)
    assert reasons == {
        (False, str(Reason.LOOK_UPS)): deliveries - waited,
        (True, str(Reason.RATE_LIMIT)): waited,
    }
    assert {headers[Header.ATTEMPT] for headers in moved} == {b"0"}
    [here] = whole.events.holdings.held.values()
    assert here.begun == deliveries
    pipeline = whole.events.pipeline
    assert not pipeline.admission.in_hand
    assert not pipeline.lane.counters.attempts
    assert not any(pipeline.lane.defects.counts.values())
    assert not any(health.open or health.slow for health in pipeline.admission.queues.known_health)
