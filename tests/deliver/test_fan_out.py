"""Wide events, a slice at a time: what is written when, and that nothing else has to wait."""

from __future__ import annotations

import gc
import uuid
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, cast

import pytest

from deliver.brokers import Brokers, Sent
from deliver.whole import KEYS, Answering
from deliver.world import EVENT, assignment, endpoint
from plaudit.deliver.isolation.limits import AdmissionLimits
from plaudit.deliver.model.decision import Reason, RetryPlan
from plaudit.deliver.model.defects import Stage
from plaudit.deliver.model.delivery import Delivery
from plaudit.deliver.offsets.assignment import Record
from plaudit.deliver.pipeline.attempt import Attempter
from plaudit.deliver.pipeline.context import LaneContext, PipelineContext
from plaudit.deliver.pipeline.events import WIDE
from plaudit.deliver.pipeline.expansion import Deliveries, ExpansionDefect
from plaudit.deliver.pipeline.fan_out import SLICE_S, FanOut
from plaudit.deliver.pipeline.round_robin import RoundRobin
from plaudit.deliver.settle.records import Write
from plaudit.deliver.settle.settler import Settler
from plaudit.deliver.settle.tickets import MOST_FANNED_OUT, MOST_FANNED_OUT_BYTES
from plaudit.deliver.telemetry.attempt_log import AttemptLogger
from plaudit.endpoints.candidate import Candidate
from plaudit.endpoints.filters import Filter
from plaudit.endpoints.matching import EndpointAccess, ShardSubscribers, TakesLong, TypeSubscribers
from plaudit.endpoints.model import Endpoint, Served
from plaudit.endpoints.table import EndpointTable
from plaudit.events.decoding import Event
from plaudit.kafka.broker_clock import BrokerClock
from plaudit.kafka.write.producer import Producer
from plaudit.records.delays import NOW
from plaudit.records.names import Header, Names

STEP_S = SLICE_S / 10
MANY = 5 * WIDE


def endpoints(count: int) -> tuple[Endpoint, ...]:
    """Return endpoints that want everything."""
    return tuple(endpoint(str(uuid.UUID(int=number))) for number in range(1, count + 1))


def candidate(known: Served) -> Candidate:
    """Return what matching knows of an endpoint."""
    return Candidate(
        known.endpoint_id,
        known.workspace_id,
        known.version,
        known.types,
        known.spaces,
        known.active_from_ms,
        known.wants,
        known.ended_ms,
        isinstance(known, Endpoint),
    )


@dataclass
class Desk:
    """A deliverer of wide events between brokers that answer when told, and a virtual event loop.

    Attributes:
        direct: how many endpoints each event was delivered to directly.
        ways: what became of these deliveries.
        released: offsets of records that are done.
        letters: dead letters that were written.
        calls: what the loop does in its next round.
        now_s: virtual seconds; each look at the clock takes a few.
    """

    brokers: Brokers = field(default_factory=Brokers)
    direct: dict[int, int] = field(default_factory=dict)
    ways: Deliveries = field(default_factory=list)
    released: list[int] = field(default_factory=list)
    letters: list[Sent] = field(default_factory=list)
    calls: deque[Callable[[], None]] = field(default_factory=deque)
    now_s: float = 0.0

    def __post_init__(self) -> None:
        settler = Settler(cast("Producer", self.brokers), Names(""), "w", BrokerClock())
        shared = PipelineContext(
            Attempter(Answering()),
            settler,
            AttemptLogger("none", "w"),
            RetryPlan((NOW,), (NOW,)),
            AdmissionLimits(),
            EndpointTable(KEYS),
            lambda: True,
        )
        self.lane = LaneContext(shared)
        self.rounds = RoundRobin(
            lambda _, call: self.calls.append(call), lambda: self.lane.may_fan_out, self.failed
        )
        self.partition = assignment()
        self.partition.release = lambda record: self.released.append(record.offset)

    def failed(self, _: Record, error: Exception) -> None:
        raise error

    def route(self, record: Record, deliveries: Deliveries) -> None:
        self.direct[record.offset] = len(deliveries)
        self.ways += deliveries

    @staticmethod
    def found(_: Record, to: Sequence[Served]) -> tuple[Event, TypeSubscribers]:
        """Return an event, and these endpoints as those that may want it."""
        known = {each.endpoint_id: each for each in to}
        access = EndpointAccess(lambda candidate: known[candidate.endpoint_id])
        return fresh_event(), TypeSubscribers(
            [ShardSubscribers([candidate(each) for each in to])], access, erased=False
        )

    def comes(
        self,
        offset: int,
        to: Sequence[Served],
        *,
        workspace: str = "w",
        value: bytes = b"{}",
        find: Callable[[Record], tuple[Event, TypeSubscribers]] | None = None,
    ) -> FanOut:
        """Let an event come in that may be for many."""
        record = Record(self.partition, offset, 0, value)
        job = FanOut(
            record,
            self.lane,
            find or partial(self.found, to=to),
            self.route,
            self._clock,
        )
        self.rounds.add(workspace, job)
        return job

    def turn(self) -> None:
        """Let the event loop go round once."""
        for _ in range(len(self.calls)):
            self.calls.popleft()()

    def acknowledge(self) -> None:
        """Let the brokers answer everything."""
        while self.brokers.waiting:
            sent = self.brokers.acknowledge()
            if sent.topic == Names("").dlq_events:
                self.letters.append(sent)

    def run(self) -> None:
        """Let the loop go round, and the brokers answer, until nothing is left."""
        while self.calls:
            self.turn()
            self.acknowledge()

    def _clock(self) -> float:
        self.now_s += STEP_S
        return self.now_s


def fresh_event() -> Event:
    """Return an event as if freshly decoded."""
    return Event(EVENT.event_id, EVENT.type, "", "w", "s", "k", {})


@pytest.fixture
def only_new() -> Iterator[None]:
    """Hide the objects that exist already from `alive`, which has fewer to look at then."""
    gc.freeze()
    yield
    gc.unfreeze()


def alive() -> Counter[type]:
    """Return the number of new objects of each class."""
    return Counter(map(type, gc.get_objects()))


def test_the_record_of_a_wide_event_is_done_when_the_brokers_have_all_of_it() -> None:
    desk = Desk()
    desk.comes(7, endpoints(MANY))
    while desk.calls:
        assert not desk.released
        desk.turn()
    assert len(desk.brokers.waiting) == MANY
    for _ in range(MANY):
        assert not desk.released
        desk.brokers.acknowledge()
    assert desk.released == [7]


def test_no_slice_of_a_wide_event_takes_longer_than_it_may() -> None:
    desk = Desk()
    began_s = desk.now_s
    desk.comes(0, endpoints(MANY))
    while desk.calls:
        assert desk.now_s - began_s <= SLICE_S + 2 * STEP_S
        began_s = desk.now_s
        desk.turn()
        desk.acknowledge()
    assert desk.released == [0]


def test_an_event_waits_while_the_endpoints_of_its_workspace_are_learned() -> None:
    desk = Desk()
    rounds = iter([TakesLong(), TakesLong()])

    def find(record: Record) -> tuple[Event, TypeSubscribers]:
        for trouble in rounds:
            raise trouble
        return desk.found(record, endpoints(MANY))

    desk.comes(7, (), find=find)
    desk.turn()
    assert not desk.brokers.waiting
    desk.run()
    assert (desk.lane.counters.fanned_out, desk.released) == (MANY, [7])


@pytest.mark.usefixtures("only_new")
def test_one_slice_of_a_wide_event_is_in_memory_at_a_time() -> None:
    """No write exists before its slice, and none after its acknowledgement."""
    desk = Desk()
    for offset in range(3):
        desk.comes(offset, endpoints(MANY))
    most = alive()[Write]
    while desk.calls:
        desk.turn()
        found = alive()
        most = max(most, found[Write])
        assert not found[Delivery], "the deliveries lane makes them"
        desk.acknowledge()
        assert not alive()[Write]
    assert 0 < most <= round(SLICE_S / STEP_S) + 1
    assert sorted(desk.released) == [0, 1, 2]


def test_workspaces_with_wide_events_share_the_slices_in_turn() -> None:
    """A hundred events of one tenant do not keep the one event of another."""
    desk = Desk()
    for offset in range(100):
        desk.comes(offset, endpoints(MANY))
    desk.comes(1_000, endpoints(MANY), workspace="another")
    while 1_000 not in desk.released:
        desk.turn()
        desk.acknowledge()
    assert len(desk.released) <= 2
    desk.run()
    assert sorted(desk.released) == [*range(100), 1_000]
    assert not len(desk.rounds)


@pytest.mark.parametrize(
    ("size", "most"), [(2, MOST_FANNED_OUT), (400_000, MOST_FANNED_OUT_BYTES // 400_000 + 1)]
)
def test_writes_of_wide_events_wait_for_brokers_that_are_behind(size: int, most: int) -> None:
    """Else every delivery of a burst would be in memory at once."""
    desk = Desk()
    for offset in range(3):
        desk.comes(offset, endpoints(max(2 * most, MANY)), value=b"x" * size)
    for _ in range(2 * most):
        desk.turn()
    assert len(desk.brokers.waiting) == most
    desk.run()
    assert sorted(desk.released) == [0, 1, 2]


def test_an_event_of_few_subscribers_among_many_is_delivered_directly() -> None:
    desk = Desk()
    few = [replace(each, spaces=frozenset({"s"})) for each in endpoints(WIDE)]
    others = [replace(each, spaces=frozenset({"t"})) for each in endpoints(MANY)]
    desk.comes(0, [*others, *few])
    desk.run()
    assert desk.direct == {0: WIDE}
    assert not desk.released, "its deliveries release it"


def test_a_wide_event_whose_partition_moves_is_left_to_the_next_owner_unless_it_was_begun() -> None:
    desk = Desk()
    begun = desk.comes(0, endpoints(MANY))
    waits = desk.comes(1, endpoints(MANY))
    while not desk.brokers.waiting:
        desk.turn()
    desk.partition.active = False
    desk.run()
    assert desk.released == [begun.record.offset], "within the grace, so that it is not repeated"
    assert waits.record.offset not in desk.released


def test_a_wide_event_of_a_partition_that_is_lost_ends_unfinished() -> None:
    desk = Desk()
    desk.comes(0, endpoints(MANY))
    while not desk.brokers.waiting:
        desk.turn()
    desk.partition.active = desk.partition.held = False
    desk.run()
    assert not desk.released
    assert not len(desk.rounds)


def test_a_defect_amid_a_wide_event_dead_letters_its_remaining_deliveries() -> None:
    desk = Desk()
    found: list[Any] = [*endpoints(MANY)]
    found[-1] = replace(found[-1], endpoint_id="\ud800")  # can't be written
    desk.comes(0, found)
    desk.comes(1, endpoints(MANY), workspace="another")
    desk.run()
    assert sorted(desk.released) == [0, 1]
    assert [each.headers[Header.ORIGIN_OFFSET] for each in desk.letters] == [b"0"]
    assert desk.lane.counters.undecodable == {str(Reason.DEFECT): 1}


def _raises(_: object, __: object) -> bool:
    raise ZeroDivisionError


def test_amid_a_wide_event_a_filter_that_raises_is_noted_and_asked_again_later() -> None:
    """Only its own delivery is marked, and the others' are not."""
    desk = Desk()
    odd, *others = endpoints(MANY)
    desk.comes(0, [*others, replace(odd, wants=Filter(_raises))])
    sent: list[Sent] = []
    while desk.calls:
        desk.turn()
        while desk.brokers.waiting:
            sent.append(desk.brokers.acknowledge())
    assert len(sent) == MANY
    marked = [each.headers[Header.ENDPOINT_ID] for each in sent if Header.UNJUDGED in each.headers]
    assert marked == [odd.endpoint_id.encode()]
    assert desk.lane.defects.counts[Stage.JUDGE] == 1
    assert desk.released == [0]


def test_an_event_for_a_few_of_many_is_retried_where_a_filter_raises() -> None:
    desk = Desk()
    desk.comes(0, [endpoint("other"), replace(endpoint("odd"), wants=Filter(_raises))])
    desk.run()
    assert desk.direct == {0: 2}
    assert [type(route) for _, route in desk.ways] == [Endpoint, ExpansionDefect]
