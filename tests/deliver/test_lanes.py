"""What each lane makes of a record: whom it is for, and whether it may be begun."""

from __future__ import annotations

import json
import os
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

import pytest

from deliver.world import assignment
from endpoint_records import endpoint_value
from plaudit.deliver.isolation.dlq_limit import DlqLimiter
from plaudit.deliver.model.decision import Cancelled, Dead, Decision, Diverted, Plan, Reason
from plaudit.deliver.model.delivery import Delivery, origin_of
from plaudit.deliver.offsets.assignment import Record
from plaudit.deliver.offsets.blocked import RecordBlocked
from plaudit.deliver.pipeline.deliveries import DeliveriesLane
from plaudit.deliver.pipeline.events import EventsLane
from plaudit.deliver.pipeline.fan_out import WIDE
from plaudit.deliver.pipeline.patience import Patience
from plaudit.deliver.pipeline.rounds import Rounds
from plaudit.deliver.pipeline.unreadable import Unread
from plaudit.deliver.settle.headers import Headers
from plaudit.deliver.settle.tickets import Ticket
from plaudit.deliver.telemetry.counters import LaneCounters
from plaudit.endpoints.keys import SecretKeys
from plaudit.endpoints.model import Endpoint
from plaudit.endpoints.opening import Private, seal
from plaudit.endpoints.signing import Secret, new_secret
from plaudit.endpoints.table import EndpointTable
from plaudit.events.decoding import EventDecoder
from plaudit.events.encoding import encode
from plaudit.events.examples import example
from plaudit.records.delays import parse_delays
from plaudit.records.names import Header

if TYPE_CHECKING:
    from confluent_kafka import Message

KEYS = SecretKeys([os.urandom(32)])
PRIVATE = Private("https://hooks.example.com/x", {}, [Secret(new_secret())])
VALUE = encode(example("testimonial.approved"))
WORKSPACE = EventDecoder().decode(VALUE).workspace_id
TIERS = parse_delays("5s,5m")


@dataclass
class Desk:
    """Takes what a lane begins, and a partition that counts what is released.

    Attributes:
        done: what became of each delivery, by endpoint.
        released: offsets that no delivery keeps.
        current: whether the table of endpoints is known to be complete.
        room: how many deliveries of wide events may be written.
        closed: offsets of wide events of which everything was written.
        calls: what is to be called later.
    """

    done: dict[str, Decision | str] = field(default_factory=dict)
    released: list[int] = field(default_factory=list)
    current: bool = True
    room: int = 1_000_000
    closed: list[int] = field(default_factory=list)
    calls: deque[Callable[[], None]] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self.plan = Plan(TIERS, TIERS)
        self.tally = LaneCounters()
        self.flood = DlqLimiter(1.0)
        self.rounds = Rounds(
            lambda _, call: self.calls.append(call), lambda: self.fans_out, self.failed
        )
        self.patience = Patience(300.0)
        self.unread = Unread()
        self.table = EndpointTable(KEYS)
        self.partition = assignment()
        self.partition.release = lambda record: self.released.append(record.offset)
        parts: tuple[Any, ...] = (
            EventDecoder(),
            self.table,
            lambda: self.current,
            self,
            lambda *_: pytest.fail("nothing here is to be buried"),
        )
        self.events, self.deliveries = EventsLane(*parts), DeliveriesLane(*parts)

    # What a lane needs of a deliverer.

    def now_ms(self) -> int:
        return int(time.time() * 1_000)

    def deliver(self, delivery: Delivery, endpoint: Endpoint) -> None:
        assert delivery.endpoint is endpoint
        self.done[delivery.endpoint_id] = "attempted"

    def settle(self, delivery: Delivery, decision: Decision) -> None:
        self.done[delivery.endpoint_id] = decision

    def divert(self, delivery: Delivery, reason: Reason) -> None:
        self.done[delivery.endpoint_id] = reason

    def failed(self, _: Record, error: Exception) -> None:
        raise error

    @property
    def fans_out(self) -> bool:
        return self.room > 0

    def open_wide(self, record: Record) -> Ticket:
        record.pending = 1
        return Ticket(1, record, origin_of(record), wide=True)

    def fan_out(self, ticket: Ticket, endpoint_id: str, headers: Headers) -> None:
        assert endpoint_id not in self.done, "it was handed over before"
        assert not self.closed, "nothing comes after the end"
        assert (ticket.wide, dict(headers)[Header.ENDPOINT_ID]) == (True, endpoint_id.encode())
        self.done[endpoint_id] = "fanned out"
        self.room -= 1

    def close_wide(self, ticket: Ticket) -> None:
        self.closed.append(ticket.record.offset)

    # What a test does.

    def has(self, endpoint_id: str, **given: object) -> None:
        """Let the table know an endpoint of the event's workspace."""
        earlier: Any = given.pop("earlier", ())
        sealed = seal(KEYS, endpoint_id, replace(PRIVATE, earlier=earlier))
        known = {"workspace_id": WORKSPACE, "key_id": sealed.key_id, "sealed": sealed.blob}
        fields: dict[str, Any] = {**known, **given}
        self.table.apply(endpoint_id.encode(), endpoint_value(endpoint_id, **fields))

    def run(self) -> None:
        """Call what was to be called later, until nothing more is."""
        while self.calls:
            self.calls.popleft()()

    def event(self, offset: int = 0, value: bytes = VALUE) -> Record:
        """Begin an event."""
        record = Record(self.partition, offset, int(time.time() * 1_000), value)
        self.events.begin(record)
        return record

    def delivery(self, offset: int, to: str, **given: object) -> None:
        """Begin a record of a deliveries topic."""
        said = {Header.ENDPOINT_ID: to, Header.WORKSPACE_ID: WORKSPACE}
        more = {getattr(Header, name.upper()): value for name, value in given.items()}
        headers = {name: str(value).encode() for name, value in (said | more).items()}
        message = cast("Message", Told(headers))
        record = Record(self.partition, offset, int(time.time() * 1_000), VALUE, message)
        self.deliveries.begin(record)


@dataclass
class Told:
    """The client's message, of which the headers are asked for."""

    told: dict[str, bytes]

    def headers(self) -> list[tuple[str, bytes]]:
        return list(self.told.items())


@pytest.fixture
def desk() -> Desk:
    """Return a fresh one."""
    return Desk()


def ids(count: int) -> list[str]:
    """Return ids of endpoints."""
    return [str(UUID(int=number)) for number in range(1, count + 1)]


def test_an_event_whose_filters_take_long_is_judged_in_slices_and_delivered_directly(
    desk: Desk,
) -> None:
    tests = [{"field": "testimonial.tags", "starts_with": f"{number}-"} for number in range(100)]
    costly = json.dumps({"not": {"any": tests}})
    for each in ids(WIDE):
        desk.has(each, content_filter=costly)
    approved: Any = example("testimonial.approved")
    testimonial = approved.testimonial.model_copy(update={"tags": ["x"] * 95})
    desk.event(0, encode(approved.model_copy(update={"testimonial": testimonial})))
    assert not desk.done, "it would have taken too long at once"
    desk.run()
    assert desk.done == dict.fromkeys(ids(WIDE), "attempted")


def test_an_event_is_done_when_as_many_deliveries_are_as_endpoints_want_it(desk: Desk) -> None:
    for each in ids(3):
        desk.has(each)
    assert desk.event().pending == 3
    assert desk.done == dict.fromkeys(ids(3), "attempted")
    assert not desk.released


def test_an_event_that_nobody_wants_is_done_at_once(desk: Desk) -> None:
    desk.has(ids(1)[0], workspace_id=str(UUID(int=99)))
    desk.event()
    assert (desk.done, desk.released, desk.tally.unmatched) == ({}, [0], 1)


def test_no_event_is_begun_before_the_table_of_endpoints_is_current(desk: Desk) -> None:
    desk.current = False
    with pytest.raises(RecordBlocked, match="not current"):
        desk.event()
    assert not desk.released


@pytest.mark.parametrize(("count", "way"), [(WIDE, "attempted"), (WIDE + 1, "fanned out")])
def test_an_event_that_very_many_want_goes_through_the_deliveries_lane(
    desk: Desk, count: int, way: str
) -> None:
    for each in ids(count):
        desk.has(each)
    record = desk.event()
    desk.run()
    assert desk.done == dict.fromkeys(ids(count), way)
    assert record.pending == (1 if count > WIDE else count)
    assert desk.closed == ([0] if count > WIDE else [])


def test_of_two_records_of_one_step_the_second_is_dropped_and_counted(desk: Desk) -> None:
    """A crash between the write of a retry and the commit of its origin leaves two."""
    [to] = ids(1)
    desk.has(to)
    step = {"attempt": 1, "enqueued_at": int(time.time() * 1_000)}
    desk.delivery(0, to, **step)
    assert desk.done.pop(to) == "attempted"
    desk.delivery(1, to, **step)
    assert (desk.done, desk.released, desk.tally.repeated) == ({}, [1], 1)
    desk.delivery(0, to, **step)
    assert desk.done.pop(to) == "attempted", "the same record, read again"
    desk.delivery(2, to, **(step | {"attempt": 2}))
    assert desk.done.pop(to) == "attempted", "the next step"


def test_a_delivery_for_another_workspace_is_never_attempted(desk: Desk) -> None:
    [to] = ids(1)
    desk.has(to, workspace_id=str(UUID(int=99)))
    desk.delivery(0, to)
    found = desk.done[to]
    assert isinstance(found, Dead)
    assert found.reason == Reason.WRONG_WORKSPACE


def test_a_delivery_of_a_newer_version_of_its_endpoint_than_is_known_comes_back(desk: Desk) -> None:
    [to] = ids(1)
    desk.has(to, version=3)
    desk.delivery(0, to, endpoint_version=4)
    found = desk.done[to]
    assert isinstance(found, Diverted)
    assert found.reason == Reason.ENDPOINT_BEHIND


def test_only_a_tombstone_or_an_hours_absence_cancels_a_delivery(desk: Desk) -> None:
    gone, unheard = ids(2)
    now_ms = int(time.time() * 1_000)
    desk.table.apply(gone.encode(), None)
    desk.delivery(0, gone, enqueued_at=now_ms)
    desk.delivery(1, unheard, enqueued_at=now_ms - 60_000)
    assert isinstance(desk.done[gone], Cancelled)
    assert isinstance(desk.done[unheard], Diverted)
    desk.delivery(2, unheard, enqueued_at=now_ms - 3_700_000)
    assert isinstance(desk.done[unheard], Cancelled)
    desk.current = False
    desk.delivery(3, unheard, enqueued_at=now_ms - 3_700_001)
    assert isinstance(desk.done[unheard], Diverted), "the table may not have it yet"


def test_what_was_published_while_an_endpoint_was_served_ends_as_it_is_by_now(desk: Desk) -> None:
    """A lane that is behind reads events from before an endpoint was disabled, or deleted."""
    now_ms = int(time.time() * 1_000)
    disabled, missed, again, deleted = ids(4)
    later = now_ms + 60_000
    desk.has(disabled, status="DISABLED", status_since=later, status_reason="too slow")
    desk.has(missed, status="DISABLED", status_since=now_ms - 60_000)
    desk.has(again, active_from=later + 60_000, earlier=((0, later),))
    desk.has(deleted)
    desk.table.apply(deleted.encode(), None, later)
    record = desk.event()
    assert desk.done == {
        disabled: Dead(Reason.ENDPOINT_DISABLED, "too slow"),
        again: "attempted",
        deleted: Cancelled(Reason.ENDPOINT_DELETED),
    }
    assert record.pending == 3
