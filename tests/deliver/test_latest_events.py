"""Deliveries of one event share it: the deliveries lane reads a wide event thousands of times."""

from __future__ import annotations

import pytest

from deliver.whole import ENDPOINTS, Whole, event, to
from plaudit.deliver.model.delivery import Delivery
from plaudit.deliver.offsets.assignment import Record
from plaudit.deliver.pipeline.deliveries import expand
from plaudit.deliver.pipeline.latest_events import KEPT, MOST_BYTES, LatestEvents
from plaudit.events.decoding import SINGLE_OBJECT, EventDecoder
from plaudit.records.names import Header

VALUE = event(1)
READ = EventDecoder().decode(VALUE)


async def test_deliveries_of_one_event_share_its_bytes_its_contents_and_its_body() -> None:
    whole = Whole()
    found: list[Delivery] = []
    route = whole.deliveries.pipeline.route

    def read(record: Record) -> None:
        expanded = expand(whole.deliveries.pipeline.lane, record)
        assert isinstance(expanded, list)
        found.extend(delivery for delivery, _ in expanded)
        route(record, expanded)

    names = list(ENDPOINTS)[:2]
    for name in names:
        # Each record has bytes of its own, as Kafka's client reads them.
        headers = [(each, bytes(bytearray(given))) for each, given in to(name)]
        whole.deliveries.hand_over(bytes(bytearray(VALUE)), headers)
    [held] = whole.deliveries.holdings.held.values()
    for record in list(held.records.values()):
        read(record)
    one, other = found
    assert one.event is other.event
    assert one.body is other.body
    assert one.record.value is other.record.value
    workspaces = [dict(each.record.headers())[Header.WORKSPACE_ID] for each in found]
    assert workspaces[0] is workspaces[1]
    assert [each.record.headers() for each in found] == [to(name) for name in names]
    assert [each.endpoint_id for each in found] == names


@pytest.mark.parametrize("value", [b"\x00\x00\x00\x00\x07...", SINGLE_OBJECT + bytes(MOST_BYTES)])
def test_large_events_and_events_with_other_framing_are_not_cached(
    value: bytes,
) -> None:
    latest = LatestEvents()
    latest.keep(value, READ, b"{}", [])
    assert latest.find(value) is None


def test_only_the_latest_events_are_kept() -> None:
    latest = LatestEvents()
    values = [event(number) for number in range(KEPT + 1)]
    for value in values:
        latest.keep(value, READ, b"{}", [])
    assert [latest.find(value) is not None for value in values] == [False] + [True] * KEPT
