"""Fan-out of an event of a workspace with many endpoints, one slice of time after another."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Final

from plaudit.deliver.model.decision import Reason
from plaudit.deliver.model.defects import Stage, defect_of
from plaudit.deliver.model.delivery import first_history, origin_of
from plaudit.deliver.offsets.assignment import Record
from plaudit.deliver.pipeline.context import LaneContext
from plaudit.deliver.pipeline.events import WIDE, deliveries_of
from plaudit.deliver.pipeline.expansion import Deliveries
from plaudit.deliver.settle.headers import Headers
from plaudit.deliver.settle.records import fanned_out_headers
from plaudit.deliver.settle.tickets import Ticket
from plaudit.endpoints.candidate import Candidate
from plaudit.endpoints.matching import TakesLong, TypeSubscribers
from plaudit.endpoints.model import Found
from plaudit.events.decoding import Event
from plaudit.records.delivery_id import delivery_id
from plaudit.records.names import Header

SLICE_S: Final = 0.002
"""Length of a slice. Another delivery passes the event loop about five times, so slices delay it by
10 ms."""


def subscribers_of(lane: LaneContext, record: Record) -> tuple[Event, TypeSubscribers]:
    """Return a previously decoded event, and its subscribers.

    Raises:
        TakesLong: the table is still learning the endpoints; call again.
    """
    event = lane.decoder.decode(record.value, record.headers)
    return event, lane.shared.table.subscribers(event.workspace_id, event.type)


class FanOut:
    """Walks over the subscribers of an event.

    Up to `WIDE` matches are kept, and routed at the end like those of any event. With more matches,
    all of them are written to the deliveries lane. After a crash the walk starts again, because the
    record is done only at its end.

    Args:
        record: record of the event.
        lane: context of the lane that reads the event.
        find: decodes the record and finds its subscribers; called in the first slice, so that a
            waiting job holds only its record.
        route: receives the deliveries if there are few.
        clock: monotonic seconds.
    """

    __slots__ = (
        "_clock",
        "_event",
        "_find",
        "_found",
        "_headers",
        "_lane",
        "_place",
        "_route",
        "_settler",
        "_subscribers",
        "_ticket",
        "_unjudged",
        "record",
    )

    def __init__(
        self,
        record: Record,
        lane: LaneContext,
        find: Callable[[Record], tuple[Event, TypeSubscribers]],
        route: Callable[[Record, Deliveries], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.record = record
        self._lane = lane
        self._settler = lane.shared.settler
        self._find = find
        self._route = route
        self._clock = clock
        self._event: Event | None = None
        self._subscribers: TypeSubscribers | None = None
        self._place = 0
        self._found: deque[Candidate] = deque()
        self._unjudged: dict[str, Exception] = {}
        self._ticket: Ticket | None = None
        self._headers: Headers = []

    def step(self) -> bool:
        """Walk for one slice of time; return whether the walk has ended."""
        try:
            return self._is_given_up() or self._walk()
        except Exception as error:
            if self._ticket is None:
                raise  # Nothing was written, so the whole record becomes a dead letter.
            self._give_up(self._ticket, error)
            return True

    def _give_up(self, ticket: Ticket, error: Exception) -> None:
        """Write the record to the dead letters as well, because of a defect."""
        self._lane.defects.note(Stage.JUDGE, error, self.record)
        self._lane.counters.undecodable[Reason.DEFECT] += 1
        self._settler.give_up_wide(ticket, Reason.DEFECT, str(defect_of(error)))

    def _walk(self) -> bool:
        if self._event is None or self._subscribers is None:
            try:
                self._event, self._subscribers = self._find(self.record)
            except TakesLong:
                return False
        event, subscribers = self._event, self._subscribers
        until_s = self._clock() + SLICE_S
        while self._advance(event, subscribers):
            if self._clock() >= until_s or not self._lane.may_fan_out:
                return False
        if self._ticket is None:
            few = deliveries_of(self._lane, self.record, event, self._few(subscribers))
            self._route(self.record, few)
        else:
            self._settler.close_wide(self._ticket)
        return True

    def _few(self, subscribers: TypeSubscribers) -> list[Found]:
        """Return what was found, as matching at once would have."""
        raised = self._unjudged
        return [
            subscribers.opened(each)
            if (error := raised.get(each.endpoint_id)) is None
            else subscribers.unjudged(each, error)
            for each in self._found
        ]

    def _is_given_up(self) -> bool:
        """Return whether the event is left to the next owner of the partition.

        A walk that has written something continues while this worker owns the partition, because
        the next owner would write all of it again.
        """
        assignment = self.record.assignment
        return not (assignment.active if self._ticket is None else assignment.held)

    def _advance(self, event: Event, subscribers: TypeSubscribers) -> bool:
        """Write one delivery, or match one endpoint; return False at the end."""
        ticket = self._ticket
        if ticket is not None and self._found:
            self._hand_over(ticket, event, self._found.popleft())
            return True
        endpoints = subscribers.candidates(self.record.timestamp_ms)
        if self._place == len(endpoints):
            return False
        endpoint = endpoints[self._place]
        self._place += 1
        if self._wants(subscribers, endpoint, event):
            self._found.append(endpoint)
            if ticket is None and len(self._found) > WIDE:
                self._begin(event)
        return True

    def _wants(self, subscribers: TypeSubscribers, endpoint: Candidate, event: Event) -> bool:
        """Return whether an endpoint wants the event, or its filter raised an exception."""
        try:
            return subscribers.wants(endpoint, event.space_id, self.record.timestamp_ms, event.data)
        except Exception as error:  # noqa: BLE001 - the event's other deliveries proceed
            self._unjudged[endpoint.endpoint_id] = error
            return True

    def _begin(self, event: Event) -> None:
        record = self.record
        record.pending = 1
        record.assignment.begun += 1
        self._ticket = self._settler.open_wide(record)
        history = first_history(record.timestamp_ms)
        self._headers = fanned_out_headers(record, event.workspace_id, origin_of(record), history)

    def _hand_over(self, ticket: Ticket, event: Event, endpoint: Candidate) -> None:
        endpoint_id = endpoint.endpoint_id
        version = endpoint.version if endpoint.readable else 0
        headers = [
            *self._headers,
            (Header.DELIVERY_ID, delivery_id(event.event_id, endpoint_id).encode()),
            (Header.ENDPOINT_ID, endpoint_id.encode()),
            (Header.ENDPOINT_VERSION, str(version).encode()),
        ]
        error = self._unjudged.pop(endpoint_id, None)
        if error is not None:
            # The deliveries lane judges it again.
            self._lane.defects.note(Stage.JUDGE, error, self.record, endpoint_id)
            headers.append((Header.UNJUDGED, b"1"))
        self._lane.counters.fanned_out += 1
        self._settler.fan_out(ticket, endpoint_id, headers)
