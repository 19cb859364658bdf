"""An eager rebalance: what moves must not be half delivered."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Mapping
from dataclasses import replace

import pytest

from deliver.test_source import Engine
from deliver.whole import OK, Whole, event
from deliver.world import World, endpoint
from plaudit.deliver.isolation.head_of_line import Evicted
from plaudit.deliver.isolation.limits import AdmissionLimits
from plaudit.deliver.model.decision import Reason
from plaudit.deliver.offsets.assignment import Assignment, Record
from plaudit.deliver.offsets.assignments import Assignments
from plaudit.deliver.offsets.committer import Committer
from plaudit.deliver.offsets.revocation import Revocation
from plaudit.deliver.offsets.source_config import SourceConfig
from plaudit.deliver.pipeline.upkeep import divert_rest, evict_hanging
from plaudit.kafka.read.consumer import CommittedOffset, GroupConfig, Partition
from plaudit.records.names import Header
from plaudit.transport.answer import Answer

HERE = Partition("events", 0)
GRACE_S = 0.05
ENDLESS_S = 20.0
TAKES_S = 4 * GRACE_S


class Group:
    """A consumer that remembers what was committed last, and answers at once."""

    def __init__(self) -> None:
        self.places: dict[Partition, CommittedOffset] = {}

    def commit(self, places: Mapping[Partition, CommittedOffset], *, wait: bool) -> None:
        del wait
        self.places |= places


class Source:
    """A source without a thread, with one record on the wire that is answered after a while."""

    def __init__(self, deliveries: int) -> None:
        self.group = Group()
        self.holdings = Assignments({HERE.topic: 0}, lambda _: None)
        self.holdings.assign({HERE: CommittedOffset(0, "")}, lambda _: 0)
        [here] = self.holdings.held.values()
        self.record = Record(here, 0, 0, b"x")
        here.window.receive(0, 1)
        self.holdings.handed_over([self.record])
        self.record.pending = self.record.deliveries = here.begun = deliveries
        self.began = time.monotonic()
        self.settled = 0
        self.engine = Engine()
        self.revocation = self.revocation_within(ENDLESS_S)

    def revocation_within(self, grace_s: float) -> Revocation:
        """Return the revocation with another grace."""
        config = SourceConfig(GroupConfig("g"), {}, grace_s, min(GRACE_S, grace_s))
        commits = Committer(self.group)
        return Revocation(config, self.engine, self.holdings, commits, self.take_settled)

    def take_settled(self) -> None:
        """All deliveries but the last are settled at once, and the last one when it is evicted."""
        answered = time.monotonic() - self.began > TAKES_S or bool(self.engine.evicted)
        while self.settled < self.record.deliveries - (not answered):
            self.settled += 1
            self.holdings.settled(self.record)


@pytest.mark.parametrize(("deliveries", "committed"), [(2, 1), (1, 0)])
def test_a_partly_delivered_record_has_a_longer_grace_period(
    deliveries: int, committed: int
) -> None:
    source = Source(deliveries)
    source.revocation.revoke_all([HERE])
    assert source.group.places[HERE].offset == committed
    assert not source.engine.evicted
    assert not source.holdings.held, "it is kept, and not held"


def test_a_hanging_attempt_is_evicted_so_that_the_rest_of_its_event_is_not_repeated() -> None:
    source = Source(2)
    source.began = float("inf")
    source.revocation_within(2 * GRACE_S).revoke_all([HERE])
    assert source.engine.evicted == [0]
    assert source.group.places[HERE].offset == 1


def test_the_only_attempt_of_a_record_continues_while_its_partition_may_return() -> None:
    source = Source(1)
    source.began = float("inf")
    source.revocation_within(2 * GRACE_S).revoke_all([HERE])
    assert source.engine.evicted == []


def test_every_hanging_attempt_of_a_moving_partition_is_evicted() -> None:
    source = Source(1)
    source.began = float("inf")
    source.revocation_within(GRACE_S).revoke([HERE])
    assert source.engine.evicted == [0]
    assert source.group.places[HERE].offset == 1


async def test_an_evicted_attempt_is_retried_and_the_record_is_done() -> None:
    whole = Whole()
    side = whole.events
    whole.sender.answers = lambda _: None
    side.hand_over(event(1))
    await whole.run()
    [assignment] = side.holdings.held.values()
    assert side.pending
    evict_hanging(side.pipeline, list(assignment.records.values()))
    await whole.run()
    assert not side.pending
    reasons = {dict(sent.headers).get(Header.REASON) for sent in whole.server.written}
    assert Evicted.code.encode() in reasons


async def test_the_rest_of_a_record_is_diverted_when_some_of_it_was_delivered() -> None:
    """Another owner of the partition would deliver all of it again."""
    whole = Whole()
    side = whole.events

    def holds(_: bytes) -> Answer:
        side.pipeline.lane.gate.pause()
        return OK

    whole.sender.answers = holds
    side.hand_over(event(1))
    side.hand_over(event(2))
    await whole.run()
    assert side.pending == 2
    divert_rest(side.pipeline, list(side.holdings.held.values()))
    await whole.run()
    assert side.pending == 1, "nothing of the second event has begun"
    assert sum(whole.sender.posted.values()) == 1
    reasons = {dict(sent.headers)[Header.REASON] for sent in whole.server.written}
    assert str(Reason.REBALANCE).encode() in reasons


def test_a_record_counts_as_begun_when_some_of_its_deliveries_do_not_wait() -> None:
    world = World(serves_all=False, limits=replace(AdmissionLimits(), in_flight=1))
    slow = endpoint("slow")
    world.comes(slow)
    begun, whole = (world.delivery(slow) for _ in range(2))
    for delivery, deliveries in ((begun, 2), (whole, 1)):
        delivery.record.pending = delivery.record.deliveries = deliveries
        world.admit(delivery, slow)
    assert world.admission.queues.begun_in_part == {begun.record}


def test_the_wait_for_the_event_loop_ends_with_the_grace_period() -> None:
    class Busy(Engine):
        def pause(self, assignments: Collection[Assignment]) -> threading.Event:
            del assignments
            return threading.Event()

    source = Source(1)
    config = SourceConfig(GroupConfig("g"), {}, ENDLESS_S, GRACE_S)
    busy = Revocation(config, Busy(), source.holdings, Committer(source.group), source.take_settled)
    busy.revoke_all([HERE])
    assert source.group.places[HERE].offset == 0
