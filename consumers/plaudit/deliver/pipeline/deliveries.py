"""The deliveries lane: retries, diversions, redrives and whatever else is one delivery a record."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, assert_never

from plaudit.deliver.model.decision import Cancelled, Dead, Decision, Plan, Reason, divert, wait_on
from plaudit.deliver.model.defects import Stage
from plaudit.deliver.model.delivery import (
    Addressed,
    Delivery,
    HeadersUnusable,
    History,
    read_headers,
)
from plaudit.deliver.offsets.assignment import Record
from plaudit.deliver.pipeline.deduplication import SeenSteps
from plaudit.deliver.pipeline.delivers import Delivers
from plaudit.deliver.pipeline.events import bury_defective, bury_record, decode
from plaudit.endpoints.model import Deleted, Endpoint, Unreadable
from plaudit.endpoints.table import EndpointTable
from plaudit.events.decoding import Event, EventDecoder
from plaudit.events.rendering import render
from plaudit.kafka.read.headers import HeadersUnreadable

FORGET_AFTER_MS: Final = 3_600_000
"""An endpoint that nobody has heard of for so long is taken as deleted."""


class DeliveriesLane:
    """Judges records of the `deliveries.*` topics.

    Args:
        decoder: reads events.
        table: the endpoints.
        table_is_current: whether the table is known to be complete.
        deliverer: delivers.
        bury: writes a record that is no delivery to its dead letters, with reason and detail.
    """

    def __init__(
        self,
        decoder: EventDecoder,
        table: EndpointTable,
        table_is_current: Callable[[], bool],
        deliverer: Delivers,
        bury: Callable[[Record, str, str], None],
    ) -> None:
        self._decoder = decoder
        self._table = table
        self._table_is_current = table_is_current
        self._deliverer = deliverer
        self._bury = bury
        self._doubles = SeenSteps()

    def begin(self, record: Record) -> None:
        """Begin one delivery.

        Raises:
            MustWait: the event's schema is unknown, or too many records of the partition were none.
        """
        try:
            addressed = read_headers(record.needed_headers(), record)
        except (HeadersUnusable, HeadersUnreadable) as unusable:
            bury_record(record, "headers_unusable", str(unusable), self._bury, self._deliverer)
            return
        event = decode(self._decoder, record, self._bury, self._deliverer)
        if event is None:
            return
        partition = record.assignment.partition
        if self._doubles.repeats(partition, record.offset, event.event_id, addressed):
            self._deliverer.tally.repeated += 1
            record.done()
            return
        record.pending = 1
        found = self._table.find(addressed.endpoint_id)
        known = found if isinstance(found, Endpoint) else None
        delivery = Delivery(
            record, event, b"", addressed.endpoint_id, known, addressed.origin, addressed.history
        )
        try:
            now_ms = self._deliverer.now_ms()
            self._deliverer.tally.late_s = max(0, now_ms - record.due_ms) / 1_000
            decision = self._before_attempt(found, addressed, event, now_ms)
            if known is not None and decision is None:
                delivery.body = render(event)
        except Exception as error:  # noqa: BLE001 - it is retried, and so has an end
            self._deliverer.fail(delivery, Stage.RENDER, error)
            return
        if decision is not None:
            self._deliverer.settle(delivery, decision)
        elif known is not None:
            self._deliverer.deliver(delivery, known)

    def give_up(self, record: Record, error: Exception) -> None:
        """Make a dead letter of a record that `begin` has raised for.

        Raises:
            MustWait: too many records of the partition went there.
        """
        bury_defective(record, error, self._bury, self._deliverer)

    def _before_attempt(
        self,
        found: Endpoint | Deleted | Unreadable | None,
        addressed: Addressed,
        event: Event,
        now_ms: int,
    ) -> Decision | None:
        """Return what becomes of a delivery that is not to be attempted now; None: attempt it."""
        plan, history = self._deliverer.plan, addressed.history
        match found:
            case None:
                absent_ms = now_ms - history.enqueued_at_ms
                if self._table_is_current() and absent_ms > FORGET_AFTER_MS:
                    return Cancelled(Reason.ENDPOINT_UNKNOWN)
                return divert(history, plan, Reason.ENDPOINT_UNKNOWN, now_ms)
            case Deleted():
                return Cancelled(Reason.ENDPOINT_DELETED)
            case Unreadable():
                return divert(history, plan, Reason.ENDPOINT_UNREADABLE, now_ms)
            case Endpoint():
                return before_attempt(found, addressed, event, plan, now_ms)
        assert_never(found)


def before_attempt(
    endpoint: Endpoint, addressed: Addressed, event: Event, plan: Plan, now_ms: int
) -> Decision | None:
    """Return what becomes of a delivery without an attempt; None: attempt it."""
    history = addressed.history
    if endpoint.workspace_id != event.workspace_id:
        detail = "the endpoint belongs to another workspace than the event"
        return Dead(Reason.WRONG_WORKSPACE, detail)
    if history.endpoint_version > endpoint.version:
        return divert(history, plan, Reason.ENDPOINT_BEHIND, now_ms)
    if endpoint.status != "active":
        return Dead(Reason.ENDPOINT_DISABLED, endpoint.disabled_reason or "")
    if expired(history, plan, endpoint, now_ms):
        return Dead(Reason.EXPIRED, "it came too late for another attempt")
    return wait_on(history, plan, now_ms)


def expired(history: History, plan: Plan, endpoint: Endpoint, now_ms: int) -> bool:
    """Return whether a delivery is older than its schedule and a day."""
    schedule = plan.schedule if endpoint.schedule is None else endpoint.schedule
    return now_ms > history.enqueued_at_ms + plan.lifetime_ms(schedule)
