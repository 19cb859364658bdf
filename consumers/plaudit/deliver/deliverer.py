"""From an admitted delivery to a settled one: attempt, decide, settle."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import partial

from plaudit.deliver.attempt import Attempter, Parcel
from plaudit.deliver.decide import (
    Dead,
    Decision,
    Diverted,
    Plan,
    Reason,
    await_turn,
    decide,
    divert,
    insists,
)
from plaudit.deliver.delivery import Delivery, Record
from plaudit.deliver.flood import FloodGuard
from plaudit.deliver.hold import Hold
from plaudit.deliver.isolation.admission import Admission, AdmissionLimits
from plaudit.deliver.isolation.relief import Evicted
from plaudit.deliver.isolation.slots import Clock, Flight
from plaudit.deliver.isolation.standing import Refusal, hold_s
from plaudit.deliver.moves import Attempted, Headers, outcome_of
from plaudit.deliver.offsets.partition import Assignment
from plaudit.deliver.report import Reporter
from plaudit.deliver.rounds import Rounds
from plaudit.deliver.settler import Settler, Ticket
from plaudit.deliver.shaping import write_as
from plaudit.deliver.tally import Tally
from plaudit.endpoints.model import Endpoint
from plaudit.records.delays import Delay
from plaudit.transport.answer import Answer
from plaudit.transport.errors import TransportError


@dataclass(frozen=True, slots=True)
class Tools:
    """What deliveries are made with; shared by the lanes.

    Attributes:
        stopped: endpoints that answered 410, with the version that did: nothing is sent to them
            until their next version.
        flood_share: of a partition's records in a minute that may be buried.
    """

    attempter: Attempter
    settler: Settler
    reporter: Reporter
    plan: Plan
    limits: AdmissionLimits
    stopped: dict[str, int] = field(default_factory=dict)
    flood_share: float = 1.0


class Deliverer:
    """Brings the deliveries of one lane to their end; belongs to the event loop's thread.

    Args:
        tools: shared by the lanes.
        serves_all: whether endpoints that are slow or have a rate limit are served here.

    Attributes:
        hold: while it is on, nothing is begun.
        rounds: work that is done in slices, in turns.
    """

    def __init__(self, tools: Tools, *, serves_all: bool) -> None:
        self.tally = Tally()
        self.flood = FloodGuard(tools.flood_share)
        self.plan = tools.plan
        self._tools = tools
        self._closed = False
        self.hold = Hold()
        clock = Clock(asyncio.get_running_loop().call_later)
        self.rounds = Rounds(clock.later, lambda: self.fans_out)
        self.admission = Admission(
            tools.limits,
            self._start,
            self._refused,
            self._insists,
            clock,
            serves_all=serves_all,
            hold=self.hold,
        )

    def deliver(self, delivery: Delivery, endpoint: Endpoint) -> None:
        """Attempt the delivery as soon as its endpoint allows."""
        if self._tools.stopped.get(endpoint.endpoint_id) == endpoint.version:
            detail = "it answered 410 a moment ago"
            self.settle(delivery, Dead(Reason.ENDPOINT_DISABLED, detail))
            return
        self.admission.admit(delivery, endpoint)

    def settle(
        self, delivery: Delivery, decision: Decision, attempted: Attempted | None = None
    ) -> None:
        """Write what was decided; without an attempt, it also begins here."""
        if attempted is None:
            delivery.record.assignment.begun += 1
        self.tally.settled[outcome_of(decision)] += 1
        if isinstance(decision, Diverted):
            self.tally.diverted[decision.reason] += 1
        self._tools.settler.settle(delivery, decision, attempted)
        self._tools.reporter.report(delivery, decision, attempted)

    def evict(self, flight: Flight) -> None:
        """Cancel an attempt that holds others up; it ends as `Evicted`."""
        if flight.exchange is not None and not flight.evicted:
            flight.evicted = True
            self.admission.evicted(flight)
            flight.exchange.cancel(Evicted.after(time.monotonic() - flight.began_s))

    def leave(self, assignments: Collection[Assignment]) -> None:
        """Begin nothing more of partitions that are given up.

        What waits is dropped, and read again by the next owner. But where others of the same record
        have been delivered, the whole record would be: those that wait are diverted instead.
        """
        leaving = set(assignments)
        self.admission.divert_waiting(
            lambda each: each.record.shared and each.record.assignment in leaving,
            briskly=True,
            reason=Reason.REBALANCE,
        )
        for assignment in leaving:
            assignment.active = False

    def close(self) -> None:
        """Ignore from now on how attempts end: their records are read again by others."""
        self._closed = True

    @property
    def fans_out(self) -> bool:
        """Whether more of wide events may be handed to the deliveries lane now."""
        return not self._closed and not self.hold.on and self._tools.settler.fans_out

    def open_wide(self, record: Record) -> Ticket:
        """Begin a wide event; `fan_out` hands its deliveries over, `close_wide` ends it."""
        record.pending = 1
        record.assignment.begun += 1
        return self._tools.settler.open_wide(record)

    def fan_out(self, ticket: Ticket, endpoint_id: str, headers: Headers) -> None:
        """Hand a delivery of a wide event to the deliveries lane."""
        self.tally.fanned_out += 1
        self._tools.settler.fan_out(ticket, endpoint_id, headers)

    def close_wide(self, ticket: Ticket) -> None:
        """End a wide event: its record is done when all that was written is acknowledged."""
        self._tools.settler.close_wide(ticket)

    def divert(self, delivery: Delivery, reason: Reason) -> None:
        """Send a delivery to a tier, without an attempt."""
        self._refused(delivery, Refusal(reason))

    def _insists(self, delivery: Delivery) -> bool:
        schedule = self._schedule_of(delivery.endpoint)
        return insists(delivery.history, schedule, int(time.time() * 1_000))

    def _schedule_of(self, endpoint: Endpoint | None) -> Sequence[Delay]:
        own = None if endpoint is None else endpoint.schedule
        return self.plan.schedule if own is None else own

    def _refused(self, delivery: Delivery, refusal: Refusal) -> None:
        history, plan, now_ms = delivery.history, self.plan, int(time.time() * 1_000)
        reason, turn_at_ms = refusal.reason, refusal.turn_at_ms
        if turn_at_ms is None:
            wait_ms = int(refusal.wait_s * 1_000)
            decision = divert(history, plan, reason, now_ms, wait_ms=wait_ms)
        else:
            decision = await_turn(history, plan, reason, now_ms, turn_at_ms=turn_at_ms)
        self.settle(delivery, decision)

    def _start(self, flight: Flight) -> None:
        delivery = flight.delivery
        delivery.record.assignment.begun += 1
        shape = flight.endpoint.shape
        write = None if shape is None else partial(write_as, shape, delivery)
        parcel = Parcel(delivery.event.event_id, delivery.body, delivery.history.trigger, write)
        flight.started_ms = now_ms = int(time.time() * 1_000)
        flight.exchange = self._tools.attempter.start(
            parcel, flight.endpoint, now_ms, partial(self._attempted, flight)
        )

    def _attempted(self, flight: Flight, outcome: Answer | TransportError) -> None:
        flight.exchange = None
        if self._closed:
            return
        delivery, endpoint = flight.delivery, flight.endpoint
        attempted = Attempted(outcome, flight.started_ms)
        self.tally.attempted(attempted.result, outcome.timings.total_ms)
        now_ms = int(time.time() * 1_000)
        schedule = self._schedule_of(endpoint)
        judge = None if endpoint.shape is None else endpoint.shape.judge
        decision = decide(outcome, delivery.history, self.plan, schedule, now_ms, judge)
        if isinstance(decision, Dead) and decision.reason == Reason.GONE:
            self._tools.stopped[endpoint.endpoint_id] = endpoint.version
        self.settle(delivery, decision, attempted)
        self.admission.finished(flight, outcome, hold_s(outcome, now_ms))
