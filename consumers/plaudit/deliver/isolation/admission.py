"""Admission of deliveries: attempt now, wait in a short queue, or divert to a tier.

Each endpoint has its own slots, queue and health. There is no shared pool that a slow endpoint
could
fill: a delivery that does not fit is diverted, which is not an attempt. If the endpoint's pace is
known, the delivery gets a reserved send time, and returns when the endpoint can take it.

Admission subtracts from every duration what even the quicker endpoints take at the moment. So a
worker that is short of CPU, or of network, does not blame endpoints.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from plaudit.deliver.isolation.answers import is_refused
from plaudit.deliver.isolation.dispatch import Dispatcher, open_flight
from plaudit.deliver.isolation.endpoint_health import Refusal
from plaudit.deliver.isolation.endpoint_state import Clock, EndpointState, InFlight
from plaudit.deliver.isolation.gate import Gate
from plaudit.deliver.isolation.housekeeping import hangs, may_forget, quick_quarter_s
from plaudit.deliver.isolation.known import Standings
from plaudit.deliver.isolation.limits import AdmissionLimits
from plaudit.deliver.isolation.queues import Queues
from plaudit.deliver.isolation.rate_limit import LONG_AGO_S, RateLimiter, alike, lower
from plaudit.deliver.isolation.room import PATIENCE_S, is_brisk, most_in_flight, per_s, room
from plaudit.deliver.isolation.verdict import (
    NOTHING,
    QUEUED,
    Next,
    Queued,
    Refused,
    Verdict,
)
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

    It returns its verdicts. Only a timer calls back: `on_ready` receives what is due then.

    Args:
        limits: for each endpoint.
        insists: returns whether a delivery is overdue, so that an open circuit does not stop it.
        on_ready: receives verdicts about deliveries that waited for a timer.
        clock: the time.
        known: health of the endpoints, shared by the lanes of the worker.
        serves_all: whether this lane serves endpoints that are slow or have a rate limit. The
            events lane does not: in the deliveries lane an endpoint has one owner.
        hold: while it is closed, nothing is admitted.

    Attributes:
        queues: what waits, and what is in flight.
        gate: pauses reading.
    """

    def __init__(
        self,
        limits: AdmissionLimits,
        insists: Callable[[Delivery], bool],
        on_ready: Callable[[Sequence[Next]], None],
        clock: Clock,
        known: Standings,
        *,
        serves_all: bool,
        hold: PauseGate,
    ) -> None:
        self._limits = limits
        self._hold = hold
        self._clock = clock
        self._serves_all = serves_all
        self.queues = Queues(known)
        self._slots = self.queues.slots
        self._dispatcher = Dispatcher(
            self.queues, limits, insists, on_ready, clock, serves_all=serves_all, hold=hold
        )
        self._pulse = clock.pulse
        self.gate = Gate(self.queues, clock, limits.briskly)
        self._usual_s = 0.0
        self._owner_since_s = LONG_AGO_S

    def admit(self, delivery: Delivery, endpoint: Endpoint) -> Verdict:
        """Return whether a delivery is attempted now, waits, or is diverted."""
        now_s = self._clock.now_s()
        slots = self._slots.get(delivery.endpoint_id)
        if slots is None:
            slots = self.queues.open(delivery.endpoint_id, endpoint.version, now_s)
        limited = endpoint.rate_limit is not None or slots.paced
        if limited or slots.version != endpoint.version:
            self._take_note(slots, endpoint, now_s)
        has_slot = len(slots.flights) < most_in_flight(slots, self._limits, self.queues.in_hand)
        free = has_slot and not slots.queue and slots.turns is None
        refusal = self._refusal(slots, delivery, endpoint, now_s)
        if refusal is None and not free:
            refusal = self._turn(slots, delivery, now_s)
        if refusal is not None:
            return Refused(delivery, refusal)
        self.queues.in_hand += 1
        if free and not self._hold.closed:
            return open_flight(slots, delivery, endpoint, now_s)
        self.queues.wait(slots, delivery)
        if has_slot:
            ready: list[Next] = []
            self._dispatcher.dispatch(slots, now_s, ready)
            return Queued(ready)
        self.gate.watch(now_s)
        return QUEUED

    def release(
        self, flight: InFlight, outcome: Answer | TransportError, hold_s: float
    ) -> Sequence[Next]:
        """Free the slot of an attempt that has ended; return what follows for its endpoint's queue.

        Args:
            flight: the attempt.
            outcome: of it; the endpoint's health learns from it.
            hold_s: seconds for which the endpoint asked for a pause; 0: it did not.
        """
        now_s = self._clock.now_s()
        slots = self._slots[flight.delivery.endpoint_id]
        del slots.flights[flight]
        self.queues.in_hand -= 1
        slots.answered_s = now_s
        took_s = now_s - flight.began_s
        if is_refused(outcome, hold_s):
            flight.standing.refused(flight.permit, flight.began_s, hold_s, now_s)
        else:
            flight.standing.report(flight.permit, outcome, took_s, now_s, self.slack_s)
            if isinstance(outcome, Answer) and (fields := quota_fields(outcome)) is not None:
                left = read_quota(fields, self._clock.epoch_ms())
                flight.standing.heed(left, flight.began_s, len(slots.flights), now_s)
        if slots.paced:
            self._take_note(slots, flight.endpoint, now_s)
        if slots.turns is not None and (held_s := slots.standing.held_s(now_s)):
            slots.turns.rest(now_s + held_s)
        if slots.turns is not None and isinstance(outcome, Answer):
            slots.turns.answered(took_s)
        if slots.queue or not slots.brisk:
            if slots.turns is None and not slots.brisk:
                most, waiting = self._limits.in_flight, bool(slots.queue)
                flight.standing.learn(most, took_s, now_s, waiting=waiting)
            self.queues.set_brisk(slots, brisk=is_brisk(slots, self._pulse, now_s))
            ready: list[Next] = []
            self._dispatcher.dispatch(slots, now_s, ready)
            return ready
        return NOTHING

    def evicted(self, flight: InFlight) -> None:
        """Note that an attempt is evicted: its endpoint is slow."""
        flight.standing.slow_down(self._clock.now_s())

    def restart_ownership(self) -> Sequence[Next]:
        """Restart rate limits without credit after a rebalance: another owner may have used it.

        Returns:
            What follows for the deliveries that waited.
        """
        now_s = self._owner_since_s = self._clock.now_s()
        for slots in self._slots.values():
            stayed = any(each.record.assignment.active for each in slots.queue)
            if slots.turns is not None and not stayed:
                slots.turns.restart_ownership(now_s)
        return self.look()

    def look(self) -> Sequence[Next]:
        """Update every endpoint, a few times a second; return what follows for what waited."""
        ready: list[Next] = []
        if self._hold.closed:
            return ready
        now_s = self._clock.now_s()
        self._usual_s = quick_quarter_s(self._slots.values(), now_s)
        for endpoint_id, slots in list(self._slots.items()):
            try:
                self._look_after(endpoint_id, slots, now_s, ready)
            except Exception as error:  # noqa: BLE001 - a defect with one endpoint is not the others'
                ready.append(self._dispatcher.give_up_head(slots, error))
        return ready

    def _look_after(
        self, endpoint_id: str, slots: EndpointState, now_s: float, ready: list[Next]
    ) -> None:
        hangs(slots, now_s, self.slack_s)
        if slots.queue:
            if slots.paced and (endpoint := slots.queue[0].endpoint) is not None:
                self._take_note(slots, endpoint, now_s)
            if any(not each.record.assignment.active for each in slots.queue):
                self.queues.keep(slots, lambda each: each.record.assignment.active)
            refusal = slots.standing.refusal(now_s, serves_slow=self._serves_all)
            if refusal is not None:
                self._dispatcher.shed(slots, refusal, ready)
            self.queues.set_brisk(slots, brisk=is_brisk(slots, self._pulse, now_s))
            self._dispatcher.dispatch(slots, now_s, ready)
        elif not slots.flights and may_forget(slots, now_s):
            self.queues.forget(endpoint_id)

    def divert_waiting(
        self,
        chosen: Callable[[Delivery], bool],
        *,
        briskly: bool,
        reason: Reason = Reason.RELIEF,
    ) -> list[Refused]:
        """Take chosen deliveries out of their queues, to be diverted.

        Args:
            chosen: returns whether a waiting delivery is one of them.
            reason: of the diversion.
            briskly: whether queues that move, and are soon empty, are searched too.
        """
        refused: list[Refused] = []
        for slots in self._slots.values():
            if slots.brisk and not briskly:
                continue
            leaving = [each for each in slots.queue if chosen(each)]
            if leaving:
                reliefs = [
                    Refused(delivery, self._relief(slots, place, reason))
                    for place, delivery in enumerate(leaving)
                ]
                self.queues.keep(slots, lambda each: not chosen(each))
                refused += reliefs
        return refused

    def _relief(self, slots: EndpointState, place: int, reason: Reason) -> Refusal:
        """Return the refusal for a delivery that leaves a queue, with a send time if known."""
        if slots.turns is None and (slots.brisk or reason is not Reason.RELIEF):
            return Refusal(reason)
        ahead_ms = int((place + 1) / per_s(slots, self._limits, self._clock.now_s()) * 1_000)
        return Refusal(reason, turn_at_ms=self._clock.epoch_ms() + ahead_ms)

    @property
    def in_hand(self) -> int:
        """Deliveries that wait or are in flight."""
        return self.queues.in_hand

    @property
    def slack_s(self) -> float:
        """Seconds that are subtracted from every duration."""
        return max(self._pulse.late_s * LATENESS, self._usual_s)

    def _take_note(self, slots: EndpointState, endpoint: Endpoint, now_s: float) -> None:
        """Adopt the present version and rate limit of an endpoint; a new version has no history."""
        if slots.version != endpoint.version:
            self.queues.renew(endpoint.endpoint_id, endpoint.version)
        learnt = slots.standing.allowed_per_s(now_s)
        limit = lower(endpoint.rate_limit, learnt) if self._serves_all else None
        if alike(limit, None if slots.turns is None else slots.turns.per_s):
            return
        if slots.timer is not None:
            slots.timer.cancel()
            slots.timer = None
        if limit is None:
            slots.turns = None
        elif slots.turns is None:
            slots.turns = RateLimiter(limit, now_s, self._owner_since_s)
            # Deliveries with a send time are not a reason to read less.
            self.queues.set_brisk(slots, brisk=False)
        else:
            slots.turns.change(limit, now_s)

    def _refusal(
        self, slots: EndpointState, delivery: Delivery, endpoint: Endpoint, now_s: float
    ) -> Refusal | None:
        refusal = slots.standing.refusal(now_s, serves_slow=self._serves_all)
        if refusal is not None and not self._dispatcher.ignores(delivery, refusal):
            return refusal
        limited_here = endpoint.rate_limit is not None and not self._serves_all
        return Refusal(Reason.RATE_LIMIT) if limited_here else None

    def _turn(self, slots: EndpointState, delivery: Delivery, now_s: float) -> Refusal | None:
        """Return the diversion of a delivery that finds no room; None: it waits here."""
        if not slots.queue:
            self.queues.set_brisk(slots, brisk=is_brisk(slots, self._pulse, now_s))
        waiting, most = len(slots.queue), room(slots, self._limits, self.queues.in_hand)
        pace = per_s(slots, self._limits, now_s)
        if not slots.brisk and not self._serves_all:
            most = min(most, max(1, int(pace * PATIENCE_S)))
        epoch_ms = self._clock.epoch_ms()
        if slots.brisk or not self._serves_all:
            if waiting < most:
                return None
            turn_s = slots.booked(now_s).book(pace, 0, now_s)
        else:
            told_ms = delivery.history.turn_at_ms
            told_s = None if told_ms is None else now_s + (told_ms - epoch_ms) / 1_000
            turn = slots.booked(now_s).turn(pace, waiting, told_s, now_s, most)
            if turn is None:
                return None
            turn_s = turn
        reason = Reason.BACKLOG if slots.turns is None else Reason.RATE_LIMIT
        if slots.standing.allowance is not None:
            reason = Reason.THROTTLED
        return Refusal(reason, turn_at_ms=epoch_ms + int((turn_s - now_s) * 1_000))
