"""What a lane asks of those who deliver."""

from __future__ import annotations

from typing import Protocol

from plaudit.deliver.isolation.dlq_limit import DlqLimiter
from plaudit.deliver.model.decision import Decision, Plan, Reason
from plaudit.deliver.model.defects import Defects, Stage
from plaudit.deliver.model.delivery import Delivery
from plaudit.deliver.offsets.assignment import Record
from plaudit.deliver.pipeline.patience import Patience
from plaudit.deliver.pipeline.rounds import Rounds
from plaudit.deliver.pipeline.unreadable import Unread
from plaudit.deliver.settle.headers import Headers
from plaudit.deliver.settle.tickets import Ticket
from plaudit.deliver.telemetry.counters import LaneCounters
from plaudit.endpoints.model import Endpoint


class Delivers(Protocol):
    """`Deliverer` is one; see there."""

    @property
    def plan(self) -> Plan:
        """When deliveries are tried again."""
        ...

    @property
    def tally(self) -> LaneCounters:
        """Counts of the lane."""
        ...

    @property
    def flood(self) -> DlqLimiter:
        """Pauses a partition whose records are mostly not events."""
        ...

    @property
    def patience(self) -> Patience:
        """Says when a record that can't be read yet is given up."""
        ...

    @property
    def unread(self) -> Unread:
        """Logs what becomes a dead letter unread."""
        ...

    def now_ms(self) -> int:
        """Return the brokers' time in epoch milliseconds."""
        ...

    def deliver(self, delivery: Delivery, endpoint: Endpoint) -> None:
        """Attempt the delivery as soon as its endpoint allows."""
        ...

    @property
    def defects(self) -> Defects:
        """What our own code has raised."""
        ...

    def fail(self, delivery: Delivery, stage: Stage, error: Exception) -> None:
        """Settle a delivery that a defect of ours has stopped."""
        ...

    def settle(self, delivery: Delivery, decision: Decision) -> None:
        """Write what was decided without an attempt."""
        ...

    def divert(self, delivery: Delivery, reason: Reason) -> None:
        """Send a delivery to a tier, without an attempt."""
        ...

    @property
    def rounds(self) -> Rounds:
        """Work that is done in slices, in turns."""
        ...

    @property
    def fans_out(self) -> bool:
        """Whether more of wide events may be handed to the deliveries lane now."""
        ...

    def open_wide(self, record: Record) -> Ticket:
        """Begin a wide event; `fan_out` hands its deliveries over, `close_wide` ends it."""
        ...

    def fan_out(self, ticket: Ticket, endpoint_id: str, headers: Headers) -> None:
        """Hand a delivery of a wide event to the deliveries lane."""
        ...

    def close_wide(self, ticket: Ticket) -> None:
        """End a wide event: its record is done when all that was written is acknowledged."""
        ...

    def give_up_wide(self, ticket: Ticket, error: Exception) -> None:
        """End a wide event that a defect of ours has stopped: its record is a dead letter, too."""
        ...
