"""Pipeline of a lane: from a record to its settled deliveries.

`process` expands a record into deliveries. `route` asks admission about each of them. `attempt`
sends the signed request of an admitted delivery. `conclude` receives the outcome, decides, settles,
and attempts the deliveries that waited for the slot. An exception in this code is a defect, and the
delivery is retried.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import assert_never

from plaudit.deliver.isolation.admission import Admission
from plaudit.deliver.isolation.answers import hold_s
from plaudit.deliver.isolation.endpoint_health import Refusal
from plaudit.deliver.isolation.endpoint_state import Clock, InFlight
from plaudit.deliver.isolation.verdict import NOTHING, Failed, Next, Queued, Refused
from plaudit.deliver.model.attempted import Attempted
from plaudit.deliver.model.decision import Reason
from plaudit.deliver.model.defects import Stage, defect_of
from plaudit.deliver.model.delivery import Delivery
from plaudit.deliver.offsets.assignment import Record
from plaudit.deliver.pipeline.context import LaneContext
from plaudit.deliver.pipeline.dead_letters import dead_letter, give_up, give_up_job
from plaudit.deliver.pipeline.expansion import DeadRecord, Deliveries, WideEvent
from plaudit.deliver.pipeline.fan_out import FanOut, subscribers_of
from plaudit.deliver.pipeline.lanes import LaneKind
from plaudit.deliver.pipeline.outcomes import decision_after, is_overdue
from plaudit.deliver.pipeline.round_robin import RoundRobin
from plaudit.deliver.pipeline.settlement import divert, fail, settle, settle_unattempted
from plaudit.endpoints.model import Endpoint
from plaudit.transport.answer import Answer
from plaudit.transport.errors import LookUpsBusy, TransportError


class Pipeline:
    """Delivers the records of one lane; belongs to the event loop's thread.

    Args:
        lane: collaborators of the lane.
        kind: the lane's kind.

    Attributes:
        lane: collaborators of the lane.
        admission: admission of the lane.
        wide_events: jobs that fan out wide events in slices.
    """

    def __init__(self, lane: LaneContext, kind: LaneKind) -> None:
        shared, later = lane.shared, asyncio.get_running_loop().call_later
        clock = Clock(later, epoch_ms=lane.now_ms, pulse=shared.pulse)
        self.lane = lane
        self.admission = Admission(
            shared.limits,
            partial(is_overdue, lane),
            self.proceed,
            clock,
            shared.health_registry,
            serves_all=kind.serves_all,
            hold=lane.gate,
        )
        self.wide_events = RoundRobin(
            clock.later, lambda: lane.may_fan_out, partial(give_up_job, lane)
        )
        self._expand = kind.expand
        self._attempter = shared.attempter
        self._spans = shared.spans

    def process(self, record: Record) -> None:
        """Expand a record, and route its deliveries.

        Raises:
            RecordBlocked: the record can't be read yet, so its partition waits.
        """
        found = self._expand(self.lane, record)
        match found:
            case list():
                self.route(record, found)
            case DeadRecord():
                dead_letter(self.lane, record, found)
            case WideEvent():
                find = partial(subscribers_of, self.lane)
                self.wide_events.add(
                    found.workspace_id, FanOut(record, self.lane, find, self.route)
                )
            case _:
                assert_never(found)

    def route(self, record: Record, deliveries: Deliveries) -> None:
        """Admit the deliveries of a record; settle those without an attempt."""
        if not deliveries:
            record.done()
            return
        record.pending = record.deliveries = len(deliveries)
        for delivery, route in deliveries:
            if not isinstance(route, Endpoint):
                settle_unattempted(self.lane, delivery, route)
                continue
            try:
                verdict = self.admission.admit(delivery, route)
                match verdict:
                    case InFlight():
                        self.attempt(verdict)
                    case Refused():
                        divert(self.lane, delivery, verdict.refusal)
                    case Queued():
                        self.proceed(verdict.ready)
                    case _:
                        assert_never(verdict)
            except Exception as error:  # noqa: BLE001 - a defect of ours must not lose a delivery
                self._stop(delivery, error)

    def attempt(self, flight: InFlight) -> None:
        """Send the signed request of an admitted delivery; `conclude` receives its outcome."""
        delivery, endpoint = flight.delivery, flight.endpoint
        delivery.record.assignment.begun += 1
        on_done = partial(self.conclude, flight)
        if self._spans is not None:
            self._spans.begin(delivery)
        try:
            flight.started_ms = now_ms = self.lane.now_ms()
            target, prefix, lines, body = self._attempter.request_of(delivery, endpoint, now_ms)
            flight.exchange = self._attempter.sender.start(
                target, prefix, lines, body, on_done, endpoint.workspace_id
            )
        except TransportError as refused:
            asyncio.get_running_loop().call_soon(on_done, refused)
        except Exception as crash:  # noqa: BLE001 - a defect of ours must not lose a delivery
            self.lane.defects.note(Stage.ATTEMPT, crash, delivery.record)
            asyncio.get_running_loop().call_soon(on_done, defect_of(crash))

    def conclude(self, flight: InFlight, outcome: Answer | TransportError) -> None:
        """Settle a delivery whose attempt has ended, and attempt those that waited for its slot."""
        if flight.ended or self.lane.closed:
            return
        flight.ended, flight.exchange = True, None
        attempted = Attempted(outcome, flight.started_ms)
        try:
            self._settle(flight, attempted)
        finally:
            self.proceed(self._release(flight, attempted))

    def _settle(self, flight: InFlight, attempted: Attempted) -> None:
        delivery = flight.delivery
        if isinstance(attempted.outcome, LookUpsBusy):
            # Nothing was sent: the delivery is diverted as if it had not begun, and counted there.
            delivery.record.assignment.begun -= 1
            divert(self.lane, delivery, Refusal(Reason.LOOK_UPS))
            return
        try:
            decision = decision_after(self.lane, flight, attempted.outcome)
        except Exception as error:  # noqa: BLE001 - a defect of ours must not lose a delivery
            fail(self.lane, delivery, Stage.DECIDE, error, attempted)
            return
        settle(self.lane, delivery, decision, attempted)

    def _release(self, flight: InFlight, attempted: Attempted) -> Sequence[Next]:
        """Free the slot of an attempt; return verdicts about waiting deliveries."""
        outcome, ready = attempted.outcome, NOTHING
        try:
            ready = self.admission.release(flight, outcome, hold_s(outcome, self.lane.now_ms()))
            if not isinstance(outcome, LookUpsBusy):
                trace = flight.delivery.trace
                self.lane.counters.attempted(attempted.result, outcome.timings.total_ms, trace)
        except Exception as error:  # noqa: BLE001 - its slot must be free in any case
            self.lane.defects.note(Stage.ADMIT, error, flight.delivery.record)
            self.admission.queues.free(flight)
        return ready

    def proceed(self, ready: Sequence[Next]) -> None:
        """Carry out verdicts about deliveries that waited."""
        for each in ready:
            try:
                match each:
                    case InFlight():
                        self.attempt(each)
                    case Refused():
                        divert(self.lane, each.delivery, each.refusal)
                    case Failed():
                        self._stop(each.delivery, each.error)
                    case _:
                        assert_never(each)
            except Exception as error:  # noqa: BLE001 - the others proceed all the same
                self._stop(each.delivery, error)

    def _stop(self, delivery: Delivery | None, error: Exception) -> None:
        """Fail a delivery that a defect has stopped, unless its attempt was started."""
        try:
            if delivery is not None and self.admission.queues.give_up(delivery):
                fail(self.lane, delivery, Stage.ADMIT, error)
            else:
                self.lane.defects.note(Stage.ADMIT, error)
        except Exception as again:  # noqa: BLE001 - `StrandedWatch` finds the record
            self.lane.defects.note(Stage.ADMIT, again)

    def give_up(self, record: Record, error: Exception) -> None:
        """Write a record for which `process` raised to the dead letters."""
        give_up(self.lane, record, error)

    def resume(self) -> None:
        """Attempt the deliveries that waited for the end of a rebalance, or for the brokers."""
        self.proceed(self.admission.restart_ownership())
