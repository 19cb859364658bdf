"""One wide log event for each attempt, and for each decision made without one."""

from __future__ import annotations

from typing import Final, Literal

import structlog

from plaudit.deliver.model.attempted import Attempted, outcome_of, reason_of
from plaudit.deliver.model.decision import Decision, Delivered
from plaudit.deliver.model.delivery import Delivery
from plaudit.logs.names import LogEvent
from plaudit.transport.errors import AddressRefused

Chosen = Literal["all", "failures", "none"]

EVENT: Final[LogEvent] = "delivery.attempted"


class AttemptLogger:
    """Logs outcomes of deliveries, without URLs, content or personal data.

    Args:
        chosen: which outcomes are logged.
        worker: this process.
    """

    def __init__(self, chosen: Chosen, worker: str) -> None:
        self._chosen = chosen
        self._log = structlog.get_logger("plaudit.deliver").bind(worker=worker)

    def report(self, delivery: Delivery, decision: Decision, attempted: Attempted | None) -> None:
        """Log one decision."""
        delivered = isinstance(decision, Delivered)
        if self._chosen == "none" or (delivered and self._chosen == "failures"):
            return
        event, history, origin = delivery.event, delivery.history, delivery.origin
        fields: dict[str, object] = {
            "outcome": str(outcome_of(decision)),
            "reason": reason_of(decision),
            "event_id": event.event_id,
            "event_type": event.type,
            "workspace_id": event.workspace_id,
            "endpoint_id": delivery.endpoint_id,
            "trigger": str(history.trigger),
            "attempt": history.attempts + (attempted is not None),
            "origin": f"{origin.topic}[{origin.partition}]@{origin.offset}",
        }
        if attempted is not None:
            timings = attempted.outcome.timings
            fields["status"] = attempted.status
            fields["error"] = attempted.error
            if isinstance(attempted.outcome, AddressRefused):
                # Only in this log: the tenant chose the name, and must not learn its address.
                fields["address"] = attempted.outcome.address
            fields["total_ms"] = None if timings.total_ms is None else round(timings.total_ms, 1)
        write = self._log.info if delivered else self._log.warning
        write(EVENT, **{name: value for name, value in fields.items() if value is not None})
