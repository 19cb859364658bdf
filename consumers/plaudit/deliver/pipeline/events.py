"""The events lane: decode an event, find the endpoints that want it, begin its deliveries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, assert_never

from plaudit.deliver.model.decision import Cancelled, Dead, Reason
from plaudit.deliver.model.defects import Stage, defect_of
from plaudit.deliver.model.delivery import Delivery, History, origin_of
from plaudit.deliver.offsets.assignment import Record
from plaudit.deliver.offsets.blocked import RecordBlocked
from plaudit.deliver.pipeline.delivers import Delivers
from plaudit.deliver.pipeline.fan_out import WIDE, FanOut
from plaudit.endpoints.matching import TakesLong, Wanting
from plaudit.endpoints.model import Endpoint, Former, Matched, Unreadable
from plaudit.endpoints.table import EndpointTable
from plaudit.events.decoding import Event, EventDecoder, SchemaUnknown, Undecodable
from plaudit.events.rendering import render
from plaudit.records.names import Trigger

_EVENT: Final = Trigger.EVENT


class EventsLane:
    """Judges records of the event topics.

    Args:
        decoder: reads events.
        table: the endpoints.
        table_is_current: whether the table is known to be complete.
        deliverer: delivers.
        bury: writes a record that is no event to its dead letters, with reason and detail.
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

    def begin(self, record: Record) -> None:
        """Begin the deliveries of one event.

        Raises:
            MustWait: the schema is unknown, the table of endpoints is not current, or too many
                records of the partition were no events.
        """
        if not self._table_is_current():
            reason = "the table of endpoints is not current; brokers away?"
            raise RecordBlocked(reason, everywhere=True)
        event = decode(self._decoder, record, self._bury, self._deliverer)
        if event is None:
            return
        wanting = self._table.wanting(event.workspace_id, event.type)
        if len(wanting.candidates(record.timestamp_ms)) <= WIDE:
            try:
                endpoints = wanting.match(event.space_id, record.timestamp_ms, event.data)
            except TakesLong:
                pass
            else:
                self._deliver(record, event, endpoints)
                return
        job = FanOut(record, self._find, self._deliverer, self._deliver)
        self._deliverer.rounds.add(event.workspace_id, job)

    def _find(self, record: Record) -> tuple[Event, Wanting]:
        """Return an event that was decoded before, and which endpoints want its type."""
        event = self._decoder.decode(record.value)
        return event, self._table.wanting(event.workspace_id, event.type)

    def _deliver(self, record: Record, event: Event, endpoints: Sequence[Matched]) -> None:
        """Begin the deliveries to the endpoints that want an event."""
        if not endpoints:
            self._deliverer.tally.unmatched += 1
            record.done()
            return
        record.pending = len(endpoints)
        record.shared = len(endpoints) > 1
        defect: Exception | None = None
        try:
            body = render(event)
        except Exception as error:  # noqa: BLE001 - each of its deliveries is retried
            body, defect = b"", error
        origin = origin_of(record)
        history = History(_EVENT, 0, 0, 0, record.timestamp_ms)
        if all(isinstance(each, Endpoint) and each.shape is None for each in endpoints):
            event.drop_data()
        for endpoint in endpoints:
            known = endpoint if isinstance(endpoint, Endpoint) else None
            delivery = Delivery(record, event, body, endpoint.endpoint_id, known, origin, history)
            if known is None or known.ended_ms is not None:
                self._end(delivery, endpoint)
            elif defect is not None:
                self._deliverer.fail(delivery, Stage.RENDER, defect)
            else:
                self._deliverer.deliver(delivery, known)

    def _end(self, delivery: Delivery, endpoint: Matched) -> None:
        """Say what becomes of a delivery to an endpoint that can't be attempted."""
        match endpoint:
            case Unreadable():
                self._deliverer.divert(delivery, Reason.ENDPOINT_UNREADABLE)
            case Endpoint():
                detail = endpoint.disabled_reason or ""
                self._deliverer.settle(delivery, Dead(Reason.ENDPOINT_DISABLED, detail))
            case Former():
                self._deliverer.settle(delivery, Cancelled(Reason.ENDPOINT_DELETED))
            case _:
                assert_never(endpoint)

    def give_up(self, record: Record, error: Exception) -> None:
        """Make a dead letter of a record that `begin` has raised for.

        Raises:
            MustWait: too many records of the partition went there.
        """
        bury_defective(record, error, self._bury, self._deliverer)


def decode(
    decoder: EventDecoder,
    record: Record,
    bury: Callable[[Record, str, str], None],
    deliverer: Delivers,
) -> Event | None:
    """Return the record's event; None when it is none and was buried.

    Raises:
        MustWait: its schema is not known, which a deployment has to put right in time; or too many
            records of its partition were buried.
    """
    try:
        event = decoder.decode(record.value)
    except SchemaUnknown as unknown:
        is_over = deliverer.patience.is_over(record, counts=unknown.asked)
        if not is_over and not deliverer.patience.is_ordered(record):
            raise RecordBlocked(str(unknown)) from None
        bury_record(record, "schema_unknown", str(unknown), bury, deliverer)
        return None
    except Undecodable as error:
        bury_record(record, error.reason, str(error), bury, deliverer)
        return None
    deliverer.flood.took(record.assignment)
    return event


def bury_defective(
    record: Record,
    error: Exception,
    bury: Callable[[Record, str, str], None],
    deliverer: Delivers,
) -> None:
    """Send a record to the dead letters of its kind that a defect of ours keeps from its way.

    Raises:
        MustWait: too many of its partition were sent there.
    """
    # Deliveries that have begun are counted down on the record itself; the letter stands for all.
    fresh = record.anew() if record.pending else record
    bury_record(fresh, Reason.DEFECT, str(defect_of(error)), bury, deliverer)
    deliverer.defects.note(Stage.JUDGE, error, record)


def bury_record(
    record: Record,
    reason: str,
    detail: str,
    bury: Callable[[Record, str, str], None],
    deliverer: Delivers,
) -> None:
    """Send a record that can't be delivered to anyone to the dead letters of its kind.

    Raises:
        MustWait: too many of its partition were sent there.
    """
    if deliverer.patience.is_ordered(record):
        deliverer.flood.resume(record.assignment)
    deliverer.flood.bury(record.assignment, reason)
    deliverer.unread.note(record, reason, detail)
    record.pending = 1
    record.assignment.begun += 1
    deliverer.tally.undecodable[reason] += 1
    bury(record, reason, detail)
