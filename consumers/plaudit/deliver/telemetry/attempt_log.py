"""One wide log event for each attempt, and for each decision made without one."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Final, Literal

import orjson

from plaudit.deliver.model.attempted import Attempted, outcome_of, reason_of
from plaudit.deliver.model.decision import Decision, Delivered
from plaudit.deliver.model.delivery import Delivery
from plaudit.logs.names import LogEvent
from plaudit.runtime.logging import json_writer
from plaudit.transport.errors import AddressRefused

Chosen = Literal["all", "sample", "failures", "none"]

EVENT: Final[LogEvent] = "delivery.attempted"
LOGGER: Final = "plaudit.deliver"
SAMPLE_OF: Final = 100
"""`sample` logs the first success of a worker and then every hundredth: at 10,000 a second, a
hundred lines, at 1 % of the full cost."""


class AttemptLogger:
    """Logs outcomes of deliveries, without URLs, content or personal data.

    Lines of JSON are written directly to the output, because a log record costs several times as
    much. Lines of text use the standard logger. Create it after `configure_logs`.

    Args:
        chosen: selection of the logged outcomes.
        worker: this process.
    """

    def __init__(self, chosen: Chosen, worker: str) -> None:
        self._failures = chosen != "none"
        # Successes for each logged one; 0: none is logged.
        self._every = {"all": 1, "sample": SAMPLE_OF}.get(chosen, 0)
        self._left = 1
        self._worker = worker
        self._log = logging.getLogger(LOGGER)
        self._write = json_writer()
        self._news = self._log.isEnabledFor(logging.INFO)
        self._warnings = self._log.isEnabledFor(logging.WARNING)

    def report(self, delivery: Delivery, decision: Decision, attempted: Attempted | None) -> None:
        """Log one decision."""
        delivered = isinstance(decision, Delivered)
        if delivered:
            if not self._every:
                return
            self._left -= 1
            if self._left:
                return
            self._left = self._every
        elif not self._failures:
            return
        write = self._write
        if write is None:
            log = self._log.info if delivered else self._log.warning
            log(EVENT, extra=_fields(delivery, decision, attempted))
        elif self._news if delivered else self._warnings:
            line: dict[str, object] = {"worker": self._worker}
            line.update(_fields(delivery, decision, attempted))
            line["event"] = EVENT
            line["level"] = "info" if delivered else "warning"
            line["timestamp"] = datetime.now(UTC)
            write(orjson.dumps(line, option=orjson.OPT_UTC_Z))


def _fields(
    delivery: Delivery, decision: Decision, attempted: Attempted | None
) -> dict[str, object]:
    event, history, origin = delivery.event, delivery.history, delivery.origin
    reason = reason_of(decision)
    fields: dict[str, object] = {"outcome": str(outcome_of(decision))}
    if reason is not None:
        fields["reason"] = reason
    fields["event_id"] = event.event_id
    fields["event_type"] = event.type
    fields["workspace_id"] = event.workspace_id
    fields["endpoint_id"] = delivery.endpoint_id
    fields["trigger"] = str(history.trigger)
    fields["attempt"] = history.attempts + (attempted is not None)
    fields["origin"] = f"{origin.topic}[{origin.partition}]@{origin.offset}"
    if trace := delivery.trace:
        fields["trace_id"] = trace.trace_id
        fields["span_id"] = trace.span_id
    if attempted is not None:
        _add_answer(fields, attempted)
    return fields


def _add_answer(fields: dict[str, object], attempted: Attempted) -> None:
    outcome = attempted.outcome
    status, error = attempted.status, attempted.error
    if status is not None:
        fields["status"] = status
    if error is not None:
        fields["error"] = error
    if isinstance(outcome, AddressRefused) and outcome.address is not None:
        # Only in this log: the tenant who chose the name must not learn its address.
        fields["address"] = outcome.address
    total_ms = outcome.timings.total_ms
    if total_ms is not None:
        fields["total_ms"] = round(total_ms, 1)
