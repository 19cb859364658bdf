"""Per endpoint: attempt now, wait in a short queue, or divert to a tier of the deliveries lane.

Each endpoint has its own slots, its own queue and its own standing. There is no shared pool that a
slow one could fill: what does not fit is diverted, without counting an attempt. What it is diverted
for is a turn, where the endpoint's pace is known: so it comes back when it can be taken.

Durations are judged less what even the quicker endpoints take at the moment: a worker that is short
of CPU, or of network, must not take it out on endpoints.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from plaudit.deliver.isolation.calls import Calls
from plaudit.deliver.isolation.endpoint_health import Refusal, is_refused
from plaudit.deliver.isolation.endpoint_state import Clock, EndpointState, InFlight
from plaudit.deliver.isolation.gate import Gate
from plaudit.deliver.isolation.housekeeping import hangs, may_forget, quick_quarter_s
from plaudit.deliver.isolation.known import Standings
from plaudit.deliver.isolation.limits import AdmissionLimits
from plaudit.deliver.isolation.queues import Queues
from plaudit.deliver.isolation.rate_limit import LONG_AGO_S, RateLimiter, alike, lower
from plaudit.deliver.isolation.room import PATIENCE_S, is_brisk, most_in_flight, per_s, room
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

    Args:
        limits: for each endpoint.
        calls: what it calls.
        clock: the time.
        known: of endpoints, by all lanes of the worker.
        serves_all: whether this lane serves endpoints that are slow or have a rate limit. The
            events lane does not: in the deliveries lane an endpoint has one owner.
        hold: while it is on, nothing is begun.

    Attributes:
        queues: what waits, and what is on the wire.
        gate: whether reading has to wait.
    """

    def __init__(
        self,
        limits: AdmissionLimits,
        calls: Calls,
        clock: Clock,
        known: Standings,
        *,
        serves_all: bool,
        hold: PauseGate,
    ) -> None:
        self._limits = limits
        self._hold = hold
        self._start = calls.start
        self._divert = calls.divert
        self._insists = calls.insists
        self._defect = calls.defect
        self._clock = clock
        self._serves_all = serves_all
        self.queues = Queues(known)
        self._slots = self.queues.slots
        self._pulse = clock.pulse
        self.gate = Gate(self.queues, clock, limits.briskly)
        self._usual_s = 0.0
        self._owner_since_s = LONG_AGO_S

    def admit(self, delivery: Delivery, endpoint: Endpoint) -> None:
        """Attempt it now, or later, or divert it."""
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
            self._divert(delivery, refusal)
            return
        self.queues.in_hand += 1
        if free and not self._hold.on:
            self._begin(slots, delivery, endpoint, now_s)
            return
        self.queues.wait(slots, delivery)
        if has_slot:
            self._pump(slots, now_s)
        else:
            self.gate.watch(now_s)

    def finished(self, flight: InFlight, outcome: Answer | TransportError, hold_s: float) -> None:
        """An attempt has ended: its slot is free, and what it says of the endpoint is noted.

        Args:
            flight: the attempt.
            outcome: of it.
            hold_s: the endpoint asked that nothing is sent for so long; 0: it did not.
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
            self._pump(slots, now_s)

    def evicted(self, flight: InFlight) -> None:
        """Take note that an attempt is cancelled for what it holds up: its endpoint is slow."""
        flight.standing.slow_down(self._clock.now_s())

    def own_anew(self) -> None:
        """A rebalance is over: what another owner may have served begins without credit."""
        now_s = self._owner_since_s = self._clock.now_s()
        for slots in self._slots.values():
            stayed = any(each.record.assignment.active for each in slots.queue)
            if slots.turns is not None and not stayed:
                slots.turns.own_anew(now_s)
        self.look()

    def look(self) -> None:
        """Look after everyone, a few times a second: who hangs, who is gone, who is forgotten."""
        if self._hold.on:
            return
        now_s = self._clock.now_s()
        self._usual_s = quick_quarter_s(self._slots.values(), now_s)
        for endpoint_id, slots in list(self._slots.items()):
            try:
                self._look_after(endpoint_id, slots, now_s)
            except Exception as error:  # noqa: BLE001 - a defect with one endpoint is not the others'
                self._give_up_head(slots, error)

    def _look_after(self, endpoint_id: str, slots: EndpointState, now_s: float) -> None:
        hangs(slots, now_s, self.slack_s)
        if slots.queue:
            if slots.paced and (endpoint := slots.queue[0].endpoint) is not None:
                self._take_note(slots, endpoint, now_s)
            if any(not each.record.assignment.active for each in slots.queue):
                self.queues.keep(slots, lambda each: each.record.assignment.active)
            refusal = slots.standing.refusal(now_s, serves_slow=self._serves_all)
            if refusal is not None:
                self._shed(slots, refusal)
            self.queues.set_brisk(slots, brisk=is_brisk(slots, self._pulse, now_s))
            self._pump(slots, now_s)
        elif not slots.flights and may_forget(slots, now_s):
            self.queues.forget(endpoint_id)

    def divert_waiting(
        self,
        chosen: Callable[[Delivery], bool],
        *,
        briskly: bool,
        reason: Reason = Reason.RELIEF,
    ) -> int:
        """Divert those that wait and are chosen; return how many.

        Args:
            chosen: which of them.
            reason: that they are told.
            briskly: those too that wait where the queue moves, and are soon gone.
        """
        count = 0
        for slots in self._slots.values():
            if slots.brisk and not briskly:
                continue
            leaving = [each for each in slots.queue if chosen(each)]
            if leaving:
                reliefs = [self._relief(slots, place, reason) for place in range(len(leaving))]
                self.queues.keep(slots, lambda each: not chosen(each))
                for delivery, refusal in zip(leaving, reliefs, strict=True):
                    self._divert(delivery, refusal)
                count += len(leaving)
        return count

    def _relief(self, slots: EndpointState, place: int, reason: Reason) -> Refusal:
        """Return the refusal for one that has to leave a queue; where turns are told, with one."""
        if slots.turns is None and (slots.brisk or reason is not Reason.RELIEF):
            return Refusal(reason)
        ahead_ms = int((place + 1) / per_s(slots, self._limits, self._clock.now_s()) * 1_000)
        return Refusal(reason, turn_at_ms=self._clock.epoch_ms() + ahead_ms)

    @property
    def in_hand(self) -> int:
        """Deliveries that wait or are on the wire."""
        return self.queues.in_hand

    @property
    def slack_s(self) -> float:
        """What durations are judged less by."""
        return max(self._pulse.late_s * LATENESS, self._usual_s)

    def _take_note(self, slots: EndpointState, endpoint: Endpoint, now_s: float) -> None:
        """Take note of the endpoint as it is now: another version starts with a clean slate."""
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
            # What waits for its turn is no reason to read less.
            self.queues.set_brisk(slots, brisk=False)
        else:
            slots.turns.change(limit, now_s)

    def _refusal(
        self, slots: EndpointState, delivery: Delivery, endpoint: Endpoint, now_s: float
    ) -> Refusal | None:
        refusal = slots.standing.refusal(now_s, serves_slow=self._serves_all)
        if refusal is not None and not self._goes_all_the_same(delivery, refusal):
            return refusal
        limited_here = endpoint.rate_limit is not None and not self._serves_all
        return Refusal(Reason.RATE_LIMIT) if limited_here else None

    def _goes_all_the_same(self, delivery: Delivery, refusal: Refusal) -> bool:
        return refusal.reason is Reason.CIRCUIT_OPEN and self._insists(delivery)

    def _turn(self, slots: EndpointState, delivery: Delivery, now_s: float) -> Refusal | None:
        """Return the turn that a delivery has to leave for; None: it waits here."""
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

    def _pump(self, slots: EndpointState, now_s: float) -> None:
        """Begin as many attempts as slots, rate and standing allow.

        What a defect of ours stops does not keep its place: those behind it come to their turn.
        """
        while slots.queue:
            try:
                self._begin_waiting(slots, now_s)
            except Exception as error:  # noqa: BLE001 - a defect of ours must not hold up a queue
                self._give_up_head(slots, error)
            else:
                return

    def _give_up_head(self, slots: EndpointState, error: Exception) -> None:
        if not slots.queue:
            self.queues.recount()
            self._defect(None, error)
            return
        head = slots.queue[0]
        self._defect(head if self.queues.give_up(head) else None, error)

    def _begin_waiting(self, slots: EndpointState, now_s: float) -> None:
        if self._hold.on:
            return
        flights, most = slots.flights, most_in_flight(slots, self._limits, self.queues.in_hand)
        if slots.turns is not None:
            most = min(most, slots.turns.most_open(now_s))
        while slots.queue and len(flights) < most and slots.timer is None:
            delivery = slots.queue[0]
            endpoint = delivery.endpoint
            if endpoint is None or not delivery.record.assignment.active:
                self.queues.leave(slots)
                self.queues.in_hand -= 1
                continue
            refusal = slots.standing.refusal(now_s, serves_slow=self._serves_all)
            if refusal is not None and not self._goes_all_the_same(delivery, refusal):
                self._shed(slots, refusal)
                continue
            wait_s = slots.standing.held_s(now_s)
            if not wait_s and slots.turns is not None:
                wait_s = slots.turns.take(now_s)
            if wait_s:
                slots.timer = self._clock.later(wait_s, partial(self._wake, slots))
                return
            # It leaves when it has begun: until then it is the one that a defect stops.
            self._begin(slots, delivery, endpoint, now_s)
            self.queues.leave(slots)

    def _begin(
        self, slots: EndpointState, delivery: Delivery, endpoint: Endpoint, now_s: float
    ) -> None:
        """Begin an attempt: it has a slot, and nothing speaks against it."""
        flight = InFlight(delivery, endpoint, slots.standing, now_s)
        slots.flights[flight] = None
        try:
            self._start(flight)
        except BaseException:
            del slots.flights[flight]
            raise

    def _wake(self, slots: EndpointState) -> None:
        slots.timer = None
        self._pump(slots, self._clock.now_s())

    def _shed(self, slots: EndpointState, refusal: Refusal) -> None:
        """Divert everything that waits and may be refused."""
        leaving = [each for each in slots.queue if not self._goes_all_the_same(each, refusal)]
        self.queues.keep(slots, lambda each: self._goes_all_the_same(each, refusal))
        for delivery in leaving:
            self._divert(delivery, refusal)
