"""From an admitted delivery to a settled one: attempt, decide, settle."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Sequence
from functools import partial
from typing import assert_never

from plaudit.deliver.isolation.admission import Admission
from plaudit.deliver.isolation.dlq_limit import DlqLimiter
from plaudit.deliver.isolation.endpoint_health import Refusal, hold_s, is_refused
from plaudit.deliver.isolation.endpoint_state import Clock, InFlight
from plaudit.deliver.isolation.head_of_line import Evicted, Relief
from plaudit.deliver.isolation.verdict import NOTHING, Failed, Next, Queued, Refused
from plaudit.deliver.model.attempted import Attempted, outcome_of
from plaudit.deliver.model.decision import (
    Dead,
    Decision,
    Reason,
    Retry,
    decide,
    insists,
)
from plaudit.deliver.model.defects import Lost, Stage, defect_of
from plaudit.deliver.model.delivery import Delivery
from plaudit.deliver.offsets.assignment import Assignment, Record
from plaudit.deliver.offsets.pause_gate import PauseGate
from plaudit.deliver.pipeline.attempt import Parcel
from plaudit.deliver.pipeline.context import PipelineContext
from plaudit.deliver.pipeline.diversions import diverted, schedule_of
from plaudit.deliver.pipeline.patience import Patience
from plaudit.deliver.pipeline.rounds import Rounds
from plaudit.deliver.pipeline.shaping import write_as
from plaudit.deliver.pipeline.unreadable import Unread
from plaudit.deliver.settle.headers import Headers
from plaudit.deliver.settle.tickets import Ticket
from plaudit.deliver.telemetry.counters import LaneCounters
from plaudit.endpoints.model import Endpoint
from plaudit.transport.answer import Answer
from plaudit.transport.errors import LookUpsBusy, TransportError


class Pipeline:
    """Brings the deliveries of one lane to their end; belongs to the event loop's thread.

    Args:
        tools: shared by the lanes.
        serves_all: whether endpoints that are slow or have a rate limit are served here.

    Attributes:
        hold: while it is on, nothing is begun.
        rounds: work that is done in slices, in turns.
    """

    def __init__(self, tools: PipelineContext, *, serves_all: bool) -> None:
        self.tally = LaneCounters()
        self.defects = tools.settler.defects
        self.flood = DlqLimiter(tools.flood_share)
        self.patience = Patience(tools.schema_wait_s)
        self.unread = Unread()
        self.plan = tools.plan
        self._tools = tools
        self._closed = False
        self.hold = PauseGate()
        later = asyncio.get_running_loop().call_later
        clock = Clock(later, epoch_ms=tools.settler.now_ms, pulse=tools.pulse)
        self.rounds = Rounds(clock.later, lambda: self.fans_out, self.give_up)
        self.admission = Admission(
            tools.limits,
            self._insists,
            self.proceed,
            clock,
            tools.known,
            serves_all=serves_all,
            hold=self.hold,
        )

    def now_ms(self) -> int:
        """Return the brokers' time: what is due, expired or signed is decided by it."""
        return self._tools.settler.now_ms()

    def deliver(self, delivery: Delivery, endpoint: Endpoint) -> None:
        """Attempt the delivery as soon as its endpoint allows."""
        if self._tools.stopped.get(endpoint.endpoint_id) == endpoint.version:
            detail = "it answered 410 a moment ago"
            self.settle(delivery, Dead(Reason.ENDPOINT_DISABLED, detail))
            return
        try:
            verdict = self.admission.admit(delivery, endpoint)
            match verdict:
                case InFlight():
                    self._start(verdict)
                case Refused():
                    self._refused(delivery, verdict.refusal)
                case Queued():
                    self.proceed(verdict.ready)
                case _:
                    assert_never(verdict)
        except Exception as error:  # noqa: BLE001 - a defect of ours must not lose a delivery
            self._give_up(delivery, error)

    def proceed(self, ready: Sequence[Next]) -> None:
        """Carry out what admission found for deliveries that waited; never raises."""
        for each in ready:
            try:
                match each:
                    case InFlight():
                        self._start(each)
                    case Refused():
                        self._refused(each.delivery, each.refusal)
                    case Failed():
                        self._admission_failed(each.delivery, each.error)
                    case _:
                        assert_never(each)
            except Exception as error:  # noqa: BLE001 - the others proceed all the same
                self._give_up(each.delivery, error)

    def look(self) -> None:
        """Update the endpoints, a few times a second, and start what may start."""
        self.proceed(self.admission.look())

    def resume(self) -> None:
        """Start what waited for a rebalance, or for the brokers."""
        self.proceed(self.admission.own_anew())

    def relieve(self, relief: Relief) -> None:
        """Divert and evict what keeps the lane full."""
        self.proceed(relief.diverted)
        for flight in relief.evicted:
            self.evict(flight)

    def _give_up(self, delivery: Delivery | None, error: Exception) -> None:
        """Settle a delivery that our own code has stopped, unless its attempt was started."""
        try:
            unowned = delivery is not None and self.admission.queues.give_up(delivery)
            self._admission_failed(delivery if unowned else None, error)
        except Exception as again:  # noqa: BLE001 - the watch over stranded records finds it
            self.defects.note(Stage.ADMIT, again)

    def settle(
        self, delivery: Delivery, decision: Decision, attempted: Attempted | None = None
    ) -> None:
        """Write what was decided; without an attempt, it also begins here."""
        if attempted is None:
            delivery.record.assignment.begun += 1
        try:
            self._tools.settler.settle(delivery, decision, attempted)
        except Exception as error:  # noqa: BLE001 - a defect of ours must not lose a delivery
            self._settle_defect(delivery, Stage.SETTLE, error, attempted)
            return
        try:
            self._told(delivery, decision, attempted)
        except Exception as error:  # noqa: BLE001 - it is settled whatever becomes of its log line
            self.defects.note(Stage.REPORT, error, delivery.record)

    def fail(
        self,
        delivery: Delivery,
        stage: Stage,
        error: Exception,
        attempted: Attempted | None = None,
    ) -> None:
        """Settle a delivery that a defect of ours has stopped: retry it on its schedule.

        Args:
            delivery: it is settled by nobody else.
            stage: where the defect came up.
            error: what our own code has raised.
            attempted: the HTTP attempt, if one was made; without, it begins here.
        """
        if attempted is None:
            delivery.record.assignment.begun += 1
        self._settle_defect(delivery, stage, error, attempted)

    def _settle_defect(
        self, delivery: Delivery, stage: Stage, error: Exception, attempted: Attempted | None
    ) -> None:
        self.defects.note(stage, error, delivery.record)
        made, detail = attempted, type(error).__name__
        try:
            outcome, now_ms = defect_of(error), self.now_ms()
            detail = str(outcome)
            made = Attempted(outcome, now_ms if attempted is None else attempted.started_at_ms)
            schedule = schedule_of(self.plan, delivery.endpoint)
            decision = decide(outcome, delivery.history, self.plan, schedule, now_ms)
            self._tools.settler.settle(delivery, decision, made, needs_line=False)
        except Exception as again:  # noqa: BLE001 - the last resort: its record as a dead letter
            self.defects.note(Stage.SETTLE, again, delivery.record)
            decision = Dead(Reason.DEFECT, detail)
            self._tools.settler.bury(delivery.record, decision.reason, detail)
        try:
            self._told(delivery, decision, made)
        except Exception as again:  # noqa: BLE001 - it is settled all the same
            self.defects.note(Stage.REPORT, again, delivery.record)

    def _told(self, delivery: Delivery, decision: Decision, attempted: Attempted | None) -> None:
        """Count and log what is settled."""
        self.tally.settle(outcome_of(decision), decision)
        self._tools.reporter.report(delivery, decision, attempted)

    def evict(self, flight: InFlight) -> None:
        """Cancel an attempt that holds others up; it ends as `Evicted`."""
        if flight.exchange is not None and not flight.evicted:
            flight.evicted = True
            self.admission.evicted(flight)
            flight.exchange.cancel(Evicted.after(time.monotonic() - flight.began_s))

    def end_lost(self, before_s: float) -> None:
        """End attempts whose outcome never comes, for a defect of ours.

        Args:
            before_s: monotonic seconds; what began earlier is over every time-out.
        """
        for flight in self.admission.queues.flights:
            if flight.began_s < before_s:
                self._end_lost(flight)

    def _end_lost(self, flight: InFlight) -> None:
        lost = Lost("an attempt without an outcome")
        try:
            if flight.exchange is not None:
                flight.exchange.cancel(defect_of(lost))
        except Exception as error:  # noqa: BLE001 - it ends in any case
            self.defects.note(Stage.LOST, error, flight.delivery.record)
        if flight.ended:
            self.defects.note(Stage.LOST, lost, flight.delivery.record)
        else:
            flight.ended, flight.exchange = True, None
            attempted = Attempted(defect_of(lost), flight.started_ms)
            self._settle_defect(flight.delivery, Stage.LOST, lost, attempted)
        self.admission.queues.free(flight)

    def leave(self, assignments: Collection[Assignment]) -> None:
        """Begin nothing more of partitions that are given up.

        What waits is dropped, and read again by the next owner. But where others of the same record
        have been delivered, the whole record would be: those that wait are diverted instead.
        """
        leaving = set(assignments)
        shared = self.admission.divert_waiting(
            lambda each: each.record.shared and each.record.assignment in leaving,
            briskly=True,
            reason=Reason.REBALANCE,
        )
        self.proceed(shared)
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

    def give_up_wide(self, ticket: Ticket, error: Exception) -> None:
        """End a wide event that a defect of ours has stopped: its record is a dead letter, too."""
        self.defects.note(Stage.JUDGE, error, ticket.record)
        self.tally.undecodable[Reason.DEFECT] += 1
        self._tools.settler.give_up_wide(ticket, Reason.DEFECT, str(defect_of(error)))

    def give_up(self, record: Record, error: Exception) -> None:
        """Make a dead letter of a record that a defect of ours keeps from its way."""
        self.defects.note(Stage.JUDGE, error, record)
        self.tally.undecodable[Reason.DEFECT] += 1
        fresh = record.anew()
        fresh.pending = 1
        fresh.assignment.begun += 1
        self._tools.settler.bury(fresh, Reason.DEFECT, str(defect_of(error)))

    def divert(self, delivery: Delivery, reason: Reason) -> None:
        """Send a delivery to a tier, without an attempt."""
        self._refused(delivery, Refusal(reason))

    def _admission_failed(self, delivery: Delivery | None, error: Exception) -> None:
        if delivery is None:
            self.defects.note(Stage.ADMIT, error)
        else:
            self.fail(delivery, Stage.ADMIT, error)

    def _insists(self, delivery: Delivery) -> bool:
        try:
            schedule = schedule_of(self.plan, delivery.endpoint)
            return insists(delivery.history, schedule, self.now_ms())
        except Exception as error:  # noqa: BLE001 - an attempt too many does no harm
            self.defects.note(Stage.ADMIT, error, delivery.record)
            return True

    def _refused(self, delivery: Delivery, refusal: Refusal) -> None:
        try:
            decision = diverted(delivery.history, self.plan, refusal, self.now_ms())
        except Exception as error:  # noqa: BLE001 - a defect of ours must not lose a delivery
            self.fail(delivery, Stage.ADMIT, error)
            return
        self.settle(delivery, decision)

    def _start(self, flight: InFlight) -> None:
        delivery = flight.delivery
        delivery.record.assignment.begun += 1
        on_done = partial(self._attempted, flight)
        try:
            flight.started_ms = now_ms = self.now_ms()
            shape = flight.endpoint.shape
            write = None if shape is None else partial(write_as, shape, delivery)
            parcel = Parcel(delivery.event.event_id, delivery.body, delivery.history.trigger, write)
            flight.exchange = self._tools.attempter.start(parcel, flight.endpoint, now_ms, on_done)
        except Exception as error:  # noqa: BLE001 - a defect of ours must not lose a delivery
            self.defects.note(Stage.ATTEMPT, error, delivery.record)
            # Later, as after a started request: an outcome never comes before `_start` returns.
            asyncio.get_running_loop().call_soon(on_done, defect_of(error))

    def _attempted(self, flight: InFlight, outcome: Answer | TransportError) -> None:
        """Take the outcome of an attempt: the delivery is settled, and its slot is free."""
        if flight.ended or self._closed:
            return
        flight.ended, flight.exchange = True, None
        attempted = Attempted(outcome, flight.started_ms)
        try:
            if isinstance(outcome, LookUpsBusy):
                # Not an attempt: it is diverted like one that was not begun, and counted there.
                flight.delivery.record.assignment.begun -= 1
                self._refused(flight.delivery, Refusal(Reason.LOOK_UPS))
            else:
                self._settle_attempt(flight, attempted)
        finally:
            self._finish(flight, attempted)

    def _settle_attempt(self, flight: InFlight, attempted: Attempted) -> None:
        try:
            decision = self._decided(flight, attempted.outcome, self.now_ms())
        except Exception as error:  # noqa: BLE001 - a defect of ours must not lose a delivery
            self._settle_defect(flight.delivery, Stage.DECIDE, error, attempted)
            return
        self.settle(flight.delivery, decision, attempted)

    def _decided(self, flight: InFlight, outcome: Answer | TransportError, now_ms: int) -> Decision:
        endpoint = flight.endpoint
        judge = None if endpoint.shape is None else endpoint.shape.judge
        schedule = schedule_of(self.plan, endpoint)
        decision = decide(outcome, flight.delivery.history, self.plan, schedule, now_ms, judge)
        if isinstance(decision, Dead) and decision.reason == Reason.GONE:
            self._tools.stopped[endpoint.endpoint_id] = endpoint.version
        if (
            isinstance(decision, Retry)
            and is_refused(outcome, asked_s := hold_s(outcome, now_ms))
            and flight.standing.keeps_place(time.monotonic())
        ):
            # It was refused only because others came before it.
            turn = Refusal(Reason.THROTTLED, turn_at_ms=now_ms + int(asked_s * 1_000))
            return diverted(flight.delivery.history, self.plan, turn, now_ms)
        return decision

    def _finish(self, flight: InFlight, attempted: Attempted) -> None:
        """Free the slot of an attempt, and start what waited for it."""
        outcome = attempted.outcome
        ready: Sequence[Next] = NOTHING
        try:
            ready = self.admission.release(flight, outcome, hold_s(outcome, self.now_ms()))
            if not isinstance(outcome, LookUpsBusy):
                self.tally.attempted(attempted.result, outcome.timings.total_ms)
        except Exception as error:  # noqa: BLE001 - its slot must be free in any case
            self.defects.note(Stage.ADMIT, error, flight.delivery.record)
            self.admission.queues.free(flight)
        self.proceed(ready)
