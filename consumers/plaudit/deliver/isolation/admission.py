"""Admission of deliveries: attempt now, wait in a short queue, or divert to a tier.

Each endpoint has its own slots, queue and health, so a slow endpoint can't fill a shared pool. A
delivery that does not fit is diverted, which is not an attempt. If the endpoint's pace is known,
the delivery gets a reserved send time, and returns when the endpoint can take it.

Admission subtracts the present duration of the quicker endpoints from every duration. So a worker
that is short of CPU or network does not count its endpoints as slow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from plaudit.deliver.isolation.answers import is_refused
from plaudit.deliver.isolation.dispatch import Dispatcher, open_flight
from plaudit.deliver.isolation.endpoint_health import Refusal
from plaudit.deliver.isolation.endpoint_state import NO_QUEUE, Clock, EndpointState, InFlight
from plaudit.deliver.isolation.health_registry import HealthRegistry
from plaudit.deliver.isolation.housekeeping import hangs, may_forget, quick_quarter_s
from plaudit.deliver.isolation.limits import AdmissionLimits
from plaudit.deliver.isolation.queue_room import (
    PATIENCE_S,
    is_worker_bound,
    most_in_flight,
    per_s,
    queue_room,
)
from plaudit.deliver.isolation.queues import Queues
from plaudit.deliver.isolation.rate_limit import LONG_AGO_S, RateLimiter, lower, nearly_equal
from plaudit.deliver.isolation.read_gate import ReadGate
from plaudit.deliver.isolation.verdict import (
    NOTHING,
    QUEUED,
    Next,
    Queued,
    Refused,
    Verdict,
)
from plaudit.deliver.isolation.workspace_backlog import WorkspaceBacklog
from plaudit.deliver.model.decision import Reason
from plaudit.deliver.model.delivery import Delivery
from plaudit.deliver.model.quota import quota_fields, read_quota
from plaudit.deliver.offsets.pause_gate import PauseGate
from plaudit.deliver.offsets.pulse import LATENESS
from plaudit.endpoints.model import Endpoint
from plaudit.transport.answer import Answer
from plaudit.transport.errors import TransportError


class Admission:
    """Decides when deliveries are attempted; belongs to the event loop's thread.

    It returns its verdicts. Only timers call back: `on_ready` receives the verdicts that are due
    then.

    Args:
        limits: the limits of each endpoint.
        insists: returns whether a delivery is overdue, so that an open circuit does not stop it.
        on_ready: receives verdicts about deliveries that waited for a timer.
        clock: the time.
        health_registry: health of the endpoints, shared by the lanes of the worker.
        serves_all: whether this lane serves endpoints that are slow or have a rate limit. The
            events lane does not: in the deliveries lane an endpoint has one owner.
        hold: the gate of the lane; while it is closed, nothing is admitted.

    Attributes:
        queues: deliveries that wait or are in flight.
        gate: pauses reading.
    """

    def __init__(
        self,
        limits: AdmissionLimits,
        insists: Callable[[Delivery], bool],
        on_ready: Callable[[Sequence[Next]], None],
        clock: Clock,
        health_registry: HealthRegistry,
        *,
        serves_all: bool,
        hold: PauseGate,
    ) -> None:
        self._limits = limits
        self._hold = hold
        self._clock = clock
        self._serves_all = serves_all
        self.queues = Queues(health_registry)
        self._states = self.queues.states
        self._dispatcher = Dispatcher(
            self.queues, limits, insists, on_ready, clock, serves_all=serves_all, hold=hold
        )
        self._pulse = clock.pulse
        self.gate = ReadGate(self.queues, clock, limits.pause_reading_at)
        self._backlog = WorkspaceBacklog(limits.workspace) if limits.workspace else None
        self._usual_s = 0.0
        self._owner_since_s = LONG_AGO_S

    def admit(self, delivery: Delivery, endpoint: Endpoint) -> Verdict:
        """Return whether a delivery is attempted now, waits, or is diverted."""
        now_s = self._clock.now_s()
        state = self._states.get(delivery.endpoint_id)
        if state is None:
            state = self.queues.open(delivery.endpoint_id, endpoint.version, now_s)
        limited = endpoint.rate_limit is not None or state.paced
        if limited or state.version != endpoint.version:
            self._take_note(state, endpoint, now_s)
        is_full = self._backlog is not None and self._backlog.is_full(endpoint.workspace_id)
        most = 1 if is_full else most_in_flight(state, self._limits, self.queues.in_hand)
        has_slot = len(state.flights) < most
        free = has_slot and not state.queue and state.rate_limiter is None
        refusal = self._refusal(state, delivery, endpoint, now_s)
        if refusal is None and not free:
            refusal = self._turn(state, delivery, now_s, is_full=is_full)
        if refusal is not None:
            return Refused(delivery, refusal)
        self.queues.in_hand += 1
        if self._backlog is not None:
            self._backlog.add(endpoint.workspace_id)
        if free and not self._hold.closed:
            return open_flight(state, delivery, endpoint, now_s)
        self.queues.wait(state, delivery)
        if has_slot:
            ready: list[Next] = []
            self._dispatcher.dispatch(state, now_s, ready)
            return Queued(ready)
        self.gate.watch(now_s)
        return QUEUED

    def release(
        self, flight: InFlight, outcome: Answer | TransportError, hold_s: float
    ) -> Sequence[Next]:
        """Free the slot of an attempt that has ended; return verdicts about its endpoint's queue.

        Args:
            flight: the attempt.
            outcome: the attempt's outcome, which updates the endpoint's health.
            hold_s: seconds of the pause that the endpoint asked for; 0: it asked for none.
        """
        now_s = self._clock.now_s()
        state = self._states[flight.delivery.endpoint_id]
        del state.flights[flight]
        self.queues.in_hand -= 1
        if self._backlog is not None:
            self._backlog.remove(flight.endpoint.workspace_id)
        state.answered_s = now_s
        took_s = now_s - flight.began_s
        if is_refused(outcome, hold_s):
            flight.health.refused(flight.permit, flight.began_s, hold_s, now_s)
        else:
            flight.health.report(flight.permit, outcome, took_s, now_s, self.slack_s)
            if isinstance(outcome, Answer) and (fields := quota_fields(outcome)) is not None:
                left = read_quota(fields, self._clock.epoch_ms())
                flight.health.note_quota(left, flight.began_s, len(state.flights), now_s)
        if state.paced:
            self._take_note(state, flight.endpoint, now_s)
        if state.rate_limiter is not None and (held_s := state.health.held_s(now_s)):
            state.rate_limiter.rest(now_s + held_s)
        if state.rate_limiter is not None and isinstance(outcome, Answer):
            state.rate_limiter.answered(took_s)
        if state.queue or not state.worker_bound:
            if state.rate_limiter is None and not state.worker_bound:
                most, waiting = self._limits.in_flight, bool(state.queue)
                flight.health.learn(most, took_s, now_s, waiting=waiting)
            self.queues.set_worker_bound(
                state, worker_bound=is_worker_bound(state, self._pulse, now_s)
            )
            ready: list[Next] = []
            self._dispatcher.dispatch(state, now_s, ready)
            return ready
        return NOTHING

    def evicted(self, flight: InFlight) -> None:
        """Count the endpoint of an evicted attempt as slow."""
        flight.health.slow_down(self._clock.now_s())

    def restart_ownership(self) -> Sequence[Next]:
        """Restart rate limits without credit after a rebalance: another owner may have used it.

        Returns:
            Verdicts about the deliveries that waited.
        """
        now_s = self._owner_since_s = self._clock.now_s()
        for state in self._states.values():
            stayed = any(each.record.assignment.active for each in state.queue)
            if state.rate_limiter is not None and not stayed:
                state.rate_limiter.restart_ownership(now_s)
        return self.update()

    def update(self) -> Sequence[Next]:
        """Update every endpoint, a few times a second; return verdicts about waiting deliveries."""
        ready: list[Next] = []
        if self._hold.closed:
            return ready
        if self._backlog is not None:
            self._backlog.recount(each.event.workspace_id for each in self.queues.deliveries)
        now_s = self._clock.now_s()
        self._usual_s = quick_quarter_s(self._states.values(), now_s)
        for endpoint_id, state in list(self._states.items()):
            try:
                self._look_after(endpoint_id, state, now_s, ready)
            except Exception as error:  # noqa: BLE001 - a defect must not affect other endpoints
                ready.append(self._dispatcher.give_up_head(state, error))
        return ready

    def _look_after(
        self, endpoint_id: str, state: EndpointState, now_s: float, ready: list[Next]
    ) -> None:
        hangs(state, now_s, self.slack_s)
        if state.queue:
            if state.paced and (endpoint := state.queue[0].endpoint) is not None:
                self._take_note(state, endpoint, now_s)
            if any(not each.record.assignment.active for each in state.queue):
                self.queues.keep(state, lambda each: each.record.assignment.active)
            refusal = state.health.refusal(now_s, serves_slow=self._serves_all)
            if refusal is not None:
                self._dispatcher.shed(state, refusal, ready)
            self.queues.set_worker_bound(
                state, worker_bound=is_worker_bound(state, self._pulse, now_s)
            )
            self._dispatcher.dispatch(state, now_s, ready)
            return
        state.queue = NO_QUEUE
        if not state.flights:
            # An emptied dictionary keeps 170 bytes for its next entries.
            state.flights.clear()
            if may_forget(state, now_s):
                self.queues.forget(endpoint_id)

    def divert_waiting(
        self,
        chosen: Callable[[Delivery], bool],
        *,
        worker_bound: bool,
        reason: Reason = Reason.RELIEF,
    ) -> list[Refused]:
        """Remove the chosen deliveries from their queues, to divert them.

        Args:
            chosen: returns whether a waiting delivery is one of them.
            reason: the reason of the diversion.
            worker_bound: whether worker-bound queues are searched, too; they are soon empty.
        """
        refused: list[Refused] = []
        for state in self._states.values():
            if state.worker_bound and not worker_bound:
                continue
            leaving = [each for each in state.queue if chosen(each)]
            if leaving:
                reliefs = [
                    Refused(delivery, self._relief(state, place, reason))
                    for place, delivery in enumerate(leaving)
                ]
                self.queues.keep(state, lambda each: not chosen(each))
                refused += reliefs
        return refused

    def _relief(self, state: EndpointState, place: int, reason: Reason) -> Refusal:
        """Return the refusal for a delivery that leaves a queue, with a send time if known."""
        if state.rate_limiter is None and (state.worker_bound or reason is not Reason.RELIEF):
            return Refusal(reason)
        ahead_ms = int((place + 1) / per_s(state, self._limits, self._clock.now_s()) * 1_000)
        return Refusal(reason, send_at_ms=self._clock.epoch_ms() + ahead_ms)

    @property
    def in_hand(self) -> int:
        """Deliveries that wait or are in flight."""
        return self.queues.in_hand

    @property
    def slack_s(self) -> float:
        """Seconds that are subtracted from every duration."""
        return max(self._pulse.late_s * LATENESS, self._usual_s)

    def _take_note(self, state: EndpointState, endpoint: Endpoint, now_s: float) -> None:
        """Adopt the current version and rate limit of an endpoint; a new version has no history."""
        if state.version != endpoint.version:
            self.queues.renew(endpoint.endpoint_id, endpoint.version)
        learnt = state.health.allowed_per_s(now_s)
        limit = lower(endpoint.rate_limit, learnt) if self._serves_all else None
        if nearly_equal(limit, None if state.rate_limiter is None else state.rate_limiter.per_s):
            return
        if state.timer is not None:
            state.timer.cancel()
            state.timer = None
        if limit is None:
            state.rate_limiter = None
        elif state.rate_limiter is None:
            state.rate_limiter = RateLimiter(limit, now_s, self._owner_since_s)
            # Deliveries with a send time are not a reason to read less.
            self.queues.set_worker_bound(state, worker_bound=False)
        else:
            state.rate_limiter.change(limit, now_s)

    def _refusal(
        self, state: EndpointState, delivery: Delivery, endpoint: Endpoint, now_s: float
    ) -> Refusal | None:
        refusal = state.health.refusal(now_s, serves_slow=self._serves_all)
        if refusal is not None and not self._dispatcher.ignores(delivery, refusal):
            return refusal
        limited_here = endpoint.rate_limit is not None and not self._serves_all
        return Refusal(Reason.RATE_LIMIT) if limited_here else None

    def _turn(
        self, state: EndpointState, delivery: Delivery, now_s: float, *, is_full: bool
    ) -> Refusal | None:
        """Return the diversion of a delivery that the queue can't hold; None: it waits here."""
        if not state.queue:
            self.queues.set_worker_bound(
                state, worker_bound=is_worker_bound(state, self._pulse, now_s)
            )
        waiting, most = len(state.queue), queue_room(state, self._limits, self.queues.in_hand)
        pace = per_s(state, self._limits, now_s)
        if not state.worker_bound and not self._serves_all:
            most = min(most, max(1, int(pace * PATIENCE_S)))
        if is_full:
            most = 0
        epoch_ms = self._clock.epoch_ms()
        if state.worker_bound or not self._serves_all:
            if waiting < most:
                return None
            send_s = state.booked(now_s).book(pace, 0, now_s)
        else:
            told_ms = delivery.history.send_at_ms
            told_s = None if told_ms is None else now_s + (told_ms - epoch_ms) / 1_000
            send_time = state.booked(now_s).send_time(pace, waiting, told_s, now_s, most)
            if send_time is None:
                return None
            send_s = send_time
        reason = Reason.BACKLOG if state.rate_limiter is None else Reason.RATE_LIMIT
        if state.health.allowance is not None:
            reason = Reason.THROTTLED
        return Refusal(reason, send_at_ms=epoch_ms + int((send_s - now_s) * 1_000))
