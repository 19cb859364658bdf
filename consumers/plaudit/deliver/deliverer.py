"""From an admitted delivery to a settled one: attempt, decide, settle."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

from plaudit.deliver.admission import Admission, AdmissionLimits
from plaudit.deliver.attempt import Attempter
from plaudit.deliver.decide import Dead, Decision, Plan, Reason, decide, divert
from plaudit.deliver.delivery import Delivery
from plaudit.deliver.flood import FloodGuard
from plaudit.deliver.moves import Attempted, outcome_of
from plaudit.deliver.report import Reporter
from plaudit.deliver.settler import Settler
from plaudit.deliver.tally import Tally
from plaudit.endpoints.model import Endpoint


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
        limits_rate: whether endpoints with a rate limit are served here.
    """

    def __init__(self, tools: Tools, *, limits_rate: bool) -> None:
        self.tally = Tally()
        self.flood = FloodGuard(tools.flood_share)
        self.plan = tools.plan
        self._tools = tools
        self._tasks: set[asyncio.Task[None]] = set()
        self.admission = Admission(tools.limits, self._start, self._divert, limits_rate=limits_rate)

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
        self._tools.settler.settle(delivery, decision, attempted)
        self._tools.reporter.report(delivery, decision, attempted)

    def fan_out(self, delivery: Delivery) -> None:
        """Hand a delivery of a wide event to the deliveries lane."""
        delivery.record.assignment.begun += 1
        self.tally.fanned_out += 1
        self._tools.settler.fan_out(delivery)

    def divert(self, delivery: Delivery, reason: str) -> None:
        """Send a delivery to a tier, without an attempt."""
        self._divert(delivery, reason)

    def _divert(self, delivery: Delivery, reason: str) -> None:
        now_ms = int(time.time() * 1_000)
        self.settle(delivery, divert(delivery.history, self.plan, reason, now_ms))

    def _start(self, delivery: Delivery, endpoint: Endpoint) -> None:
        delivery.record.assignment.begun += 1
        task = asyncio.get_running_loop().create_task(self._attempt(delivery, endpoint))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _attempt(self, delivery: Delivery, endpoint: Endpoint) -> None:
        attempted = await self._tools.attempter.run(delivery, endpoint)
        outcome = attempted.outcome
        self.tally.attempted(attempted.result, outcome.timings.total_ms)
        schedule = self.plan.schedule if endpoint.schedule is None else endpoint.schedule
        now_ms = int(time.time() * 1_000)
        decision = decide(outcome, delivery.history, self.plan, schedule, now_ms)
        if isinstance(decision, Dead) and decision.reason == Reason.GONE:
            self._tools.stopped[endpoint.endpoint_id] = endpoint.version
        self.settle(delivery, decision, attempted)
        self.admission.finished(delivery)
