"""Events whose schema id is in their headers, in both lanes."""

from __future__ import annotations

from deliver.whole import ENDPOINTS, NAMES, Whole, event, event_id
from plaudit.events.catalogue import CATALOGUE
from plaudit.events.decoding import EventDecoder
from plaudit.events.framing import SchemaId
from plaudit.transport.errors import LookUpsBusy

CONTENT_ID = ("apicurio.value.contentId", (7).to_bytes(8, "big"))
BODY_AT = 10
"""Behind single-object encoding's head."""


class Registry:
    """Knows the example's schema as 7."""

    def by_fingerprint(self, fingerprint: bytes) -> str | None:
        del fingerprint
        return None

    def by_id(self, schema_id: SchemaId) -> str | None:
        assert schema_id == 7
        return CATALOGUE["testimonial.approved"].schema_json


async def test_the_id_travels_with_the_event_into_the_deliveries_lane() -> None:
    whole = Whole()
    for side in whole.sides:
        side.pipeline.lane.decoder = EventDecoder(Registry())
    whole.sender.answers = lambda _: LookUpsBusy("hooks.example")
    whole.events.hand_over(event(1)[BODY_AT:], [CONTENT_ID])
    await whole.run()
    moved = [each for each in whole.server.written if each.topic == NAMES.deliveries_now]
    assert len(moved) == len(ENDPOINTS)
    again = Whole()
    again.deliveries.pipeline.lane.decoder = EventDecoder(Registry())
    for each in moved:
        again.deliveries.hand_over(each.value, list(each.headers.items()))
    await again.run()
    again.check_all_is_settled()
    assert not again.server.written, "no dead letter"
    assert {each for each, _ in again.sender.posted} == {event_id(1)}
    assert len(again.sender.posted) == len(ENDPOINTS)
