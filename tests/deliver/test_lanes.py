"""A record in each lane: its endpoints, and whether its delivery may begin."""

from __future__ import annotations

import json
import os
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, cast
from uuid import UUID

import pytest
from confluent_kafka import Message

from deliver.brokers import Brokers
from deliver.whole import Answering
from deliver.world import assignment
from endpoint_records import endpoint_value
from plaudit.deliver.isolation.limits import AdmissionLimits
from plaudit.deliver.model.decision import Cancelled, Dead, Decision, Diverted, Reason, RetryPlan
from plaudit.deliver.offsets.assignment import Record
from plaudit.deliver.offsets.blocked import RecordBlocked
from plaudit.deliver.pipeline.attempt import Attempter
from plaudit.deliver.pipeline.context import LaneContext, PipelineContext
from plaudit.deliver.pipeline.dead_letters import dead_letter
from plaudit.deliver.pipeline.events import WIDE
from plaudit.deliver.pipeline.expansion import DeadRecord, Deliveries, ExpansionDefect, WideEvent
from plaudit.deliver.pipeline.fan_out import FanOut, subscribers_of
from plaudit.deliver.pipeline.lanes import DELIVERIES, EVENTS, LaneKind
from plaudit.deliver.pipeline.round_robin import RoundRobin
from plaudit.deliver.settle.settler import Settler
from plaudit.deliver.telemetry.attempt_log import AttemptLogger
from plaudit.endpoints.filters import Filter
from plaudit.endpoints.keys import SecretKeys
from plaudit.endpoints.model import Endpoint
from plaudit.endpoints.opening import EncryptedFields, seal
from plaudit.endpoints.signing import Secret, new_secret
from plaudit.endpoints.table import EndpointTable
from plaudit.events.decoding import EventDecoder, SchemaLookup
from plaudit.events.encoding import encode
from plaudit.events.examples import example
from plaudit.kafka.broker_clock import BrokerClock
from plaudit.kafka.write.producer import Producer
from plaudit.records.delays import parse_delays
from plaudit.records.names import Header, Names

KEYS = SecretKeys([os.urandom(32)])
PRIVATE = EncryptedFields("https://hooks.example.com/x", {}, [Secret(new_secret())])
VALUE = encode(example("testimonial.approved"))
WORKSPACE = EventDecoder().decode(VALUE).workspace_id
TIERS = parse_delays("5s,5m")


class Desk:
    """A lane of each kind, and a partition that counts what is released.

    Attributes:
        done: what becomes of each delivery, by endpoint.
        released: offsets that no delivery keeps.
        current: whether the table of endpoints is known to be complete.
        calls: what is to be called later.
    """

    def __init__(self) -> None:
        self.done: dict[str, Decision | str] = {}
        self.released: list[int] = []
        self.current = True
        self.calls: deque[Callable[[], None]] = deque()
        self.brokers = Brokers()
        self.schemas: SchemaLookup | None = None
        self.table = EndpointTable(KEYS)
        self.partition = assignment()
        self.partition.release = lambda record: self.released.append(record.offset)
        self.lane = LaneContext(self._shared())

    def _shared(self) -> PipelineContext:
        settler = Settler(cast("Producer", self.brokers), Names(""), "w", BrokerClock())
        return PipelineContext(
            Attempter(Answering()),
            settler,
            AttemptLogger("none", "w"),
            RetryPlan(TIERS, TIERS),
            AdmissionLimits(),
            self.table,
            lambda: self.current,
            self.schemas,
        )

    def expand(self, kind: LaneKind, record: Record) -> None:
        """Expand a record, and note what becomes of it, as a pipeline does."""
        found = kind.expand(self.lane, record)
        match found:
            case DeadRecord():
                dead_letter(self.lane, record, found)
            case WideEvent():
                find = partial(subscribers_of, self.lane)
                rounds = RoundRobin(self._later, lambda: self.lane.may_fan_out, self.failed)
                job = FanOut(record, self.lane, find, self.route)
                rounds.add(found.workspace_id, job)
            case _:
                self.route(record, found)

    def route(self, record: Record, deliveries: Deliveries) -> None:
        if not deliveries:
            record.done()
        record.pending = len(deliveries)
        for delivery, route in deliveries:
            if isinstance(route, Endpoint):
                assert delivery.endpoint is route
                self.done[delivery.endpoint_id] = "attempted"
            elif isinstance(route, ExpansionDefect):
                self.done[delivery.endpoint_id] = f"{route.stage} {type(route.error).__name__}"
            else:
                self.done[delivery.endpoint_id] = route

    def failed(self, _: Record, error: Exception) -> None:
        raise error

    def _later(self, _: float, call: Callable[[], None]) -> None:
        self.calls.append(call)

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
        while self.brokers.waiting:
            sent = self.brokers.acknowledge()
            assert sent.topic == Names("").deliveries_now
            endpoint_id = sent.headers[Header.ENDPOINT_ID].decode()
            assert endpoint_id not in self.done, "it was handed over before"
            self.done[endpoint_id] = "fanned out"

    def event(self, offset: int = 0, value: bytes = VALUE) -> Record:
        """Begin an event."""
        record = Record(self.partition, offset, int(time.time() * 1_000), value)
        self.expand(EVENTS, record)
        return record

    def delivery(self, offset: int, to: str, **given: object) -> None:
        """Begin a record of a deliveries topic."""
        said = {Header.ENDPOINT_ID: to, Header.WORKSPACE_ID: WORKSPACE}
        more = {getattr(Header, name.upper()): value for name, value in given.items()}
        headers = {name: str(value).encode() for name, value in (said | more).items()}
        message = Message(value=VALUE, headers=list(headers.items()))
        record = Record(self.partition, offset, int(time.time() * 1_000), VALUE, message)
        self.expand(DELIVERIES, record)


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


def test_an_event_waits_for_the_delivery_of_each_endpoint_that_wants_it(desk: Desk) -> None:
    for each in ids(3):
        desk.has(each)
    assert desk.event().pending == 3
    assert desk.done == dict.fromkeys(ids(3), "attempted")
    assert not desk.released


def test_an_event_without_endpoints_is_done_at_once(desk: Desk) -> None:
    desk.has(ids(1)[0], workspace_id=str(UUID(int=99)))
    desk.event()
    assert (desk.done, desk.released, desk.lane.counters.unmatched) == ({}, [0], 1)


def test_no_event_is_begun_before_the_table_of_endpoints_is_current(desk: Desk) -> None:
    desk.current = False
    with pytest.raises(RecordBlocked, match="not current"):
        desk.event()
    assert not desk.released


@pytest.mark.parametrize(("count", "route"), [(WIDE, "attempted"), (WIDE + 1, "fanned out")])
def test_an_event_of_very_many_subscribers_is_fanned_out_to_the_deliveries_lane(
    desk: Desk, count: int, route: str
) -> None:
    for each in ids(count):
        desk.has(each)
    record = desk.event()
    desk.run()
    assert desk.done == dict.fromkeys(ids(count), route)
    assert record.pending == (1 if count > WIDE else count)
    assert desk.released == ([0] if count > WIDE else [])


def test_the_second_of_two_records_of_one_step_is_dropped_and_counted(desk: Desk) -> None:
    """A crash between the write of a retry and the commit of its origin leaves two."""
    [to] = ids(1)
    desk.has(to)
    step = {"attempt": 1, "enqueued_at": int(time.time() * 1_000)}
    desk.delivery(0, to, **step)
    assert desk.done.pop(to) == "attempted"
    desk.delivery(1, to, **step)
    assert (desk.done, desk.released, desk.lane.counters.repeated) == ({}, [1], 1)
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


def test_a_delivery_for_an_unknown_newer_version_of_its_endpoint_comes_back(desk: Desk) -> None:
    [to] = ids(1)
    desk.has(to, version=3)
    desk.delivery(0, to, endpoint_version=4)
    found = desk.done[to]
    assert isinstance(found, Diverted)
    assert found.reason == Reason.ENDPOINT_BEHIND


@pytest.mark.tree
def test_a_filter_that_raises_has_its_delivery_retried_and_judged_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    to, other = ids(2)
    desk.has(other)
    desk.has(to, content_filter='{"field": "testimonial.rating.value", "gt": 1}')
    answer: list[bool] = []
    monkeypatch.setattr(Filter, "__call__", lambda *_: answer.pop())  # an IndexError when empty
    desk.event()
    assert desk.done == {to: "judge IndexError", other: "attempted"}
    desk.delivery(1, to, unjudged=1, attempt=1)
    assert desk.done[to] == "judge IndexError"
    answer.append(True)
    desk.delivery(2, to, unjudged=1, attempt=2)
    assert desk.done[to] == "attempted"
    answer.append(False)
    desk.delivery(3, to, unjudged=1, attempt=3)
    assert desk.done[to] == Cancelled(Reason.NOT_WANTED)
    desk.delivery(4, to, attempt=4)
    assert desk.done[to] == "attempted", "it was judged before"


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


def test_events_from_a_service_period_follow_the_endpoints_current_state(desk: Desk) -> None:
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
