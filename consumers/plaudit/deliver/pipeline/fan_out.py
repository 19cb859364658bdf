"""Fan-out of an event of a workspace with many endpoints, one slice of time after another."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Final

from plaudit.deliver.model.decision import Reason
from plaudit.deliver.model.defects import Stage, defect_of
from plaudit.deliver.model.delivery import History, origin_of
from plaudit.deliver.offsets.assignment import Record
from plaudit.deliver.pipeline.context import LaneContext
from plaudit.deliver.pipeline.events import WIDE, deliveries_of
from plaudit.deliver.pipeline.expansion import Deliveries
from plaudit.deliver.settle.headers import Headers
from plaudit.deliver.settle.records import fanned_out_headers
from plaudit.deliver.settle.tickets import Ticket
from plaudit.endpoints.candidate import Candidate
from plaudit.endpoints.matching import TakesLong, Wanting
from plaudit.endpoints.model import Found
from plaudit.events.decoding import Event
from plaudit.records.delivery_id import delivery_id
from plaudit.records.names import Header, Trigger

SLICE_S: Final = 0.002
"""Others' deliveries pass the event loop some five times on their way: 10 ms for all slices."""
_EVENT: Final = Trigger.EVENT


def wanting_of(lane: LaneContext, record: Record) -> tuple[Event, Wanting]:
    """Return an event that was decoded before, and the endpoints that may want it.

    Raises:
        TakesLong: the endpoints are still being learned; call again.
    """
    event = lane.decoder.decode(record.value, record.headers)
    return event, lane.shared.table.wanting(event.workspace_id, event.type)


class FanOut:
    """Walks over the endpoints that may want an event.

    While no more than `WIDE` are found, nothing is written; at the end, these few are routed like
    those of any event. From the next one on, each found is written to the deliveries lane. After a
    crash the walk starts again: the record is not done before its end.

    Args:
        record: of the event.
        lane: that reads the event.
        find: decodes the record, and finds the endpoints; called with the first slice, so that a
            job that waits holds nothing but its record.
        route: receives the deliveries to a few endpoints.
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
        "_ticket",
        "_unjudged",
        "_wanting",
        "record",
    )

    def __init__(
        self,
        record: Record,
        lane: LaneContext,
        find: Callable[[Record], tuple[Event, Wanting]],
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
        self._wanting: Wanting | None = None
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
                raise  # Nothing was written: the record as a whole becomes a dead letter.
            self._give_up(self._ticket, error)
            return True

    def _give_up(self, ticket: Ticket, error: Exception) -> None:
        """Write the record to the dead letters, too, because our own code raised an exception."""
        self._lane.defects.note(Stage.JUDGE, error, self.record)
        self._lane.counters.undecodable[Reason.DEFECT] += 1
        self._settler.give_up_wide(ticket, Reason.DEFECT, str(defect_of(error)))

    def _walk(self) -> bool:
        if self._event is None or self._wanting is None:
            try:
                self._event, self._wanting = self._find(self.record)
            except TakesLong:
                return False
        event, wanting = self._event, self._wanting
        until_s = self._clock() + SLICE_S
        while self._advance(event, wanting):
            if self._clock() >= until_s or not self._lane.may_fan_out:
                return False
        if self._ticket is None:
            few = deliveries_of(self._lane, self.record, event, self._few(wanting))
            self._route(self.record, few)
        else:
            self._settler.close_wide(self._ticket)
        return True

    def _few(self, wanting: Wanting) -> list[Found]:
        """Return what was found, as matching at once would have."""
        raised = self._unjudged
        return [
            wanting.opened(each)
            if (error := raised.get(each.endpoint_id)) is None
            else wanting.unjudged(each, error)
            for each in self._found
        ]

    def _is_given_up(self) -> bool:
        """Return whether the event is left to the next owner of the partition.

        A walk that has written something continues for as long as the group leaves the partition
        here: the next owner would write all of it again.
        """
        assignment = self.record.assignment
        return not (assignment.active if self._ticket is None else assignment.held)

    def _advance(self, event: Event, wanting: Wanting) -> bool:
        """Write one delivery, or match one endpoint; return False at the end."""
        ticket = self._ticket
        if ticket is not None and self._found:
            self._hand_over(ticket, event, self._found.popleft())
            return True
        endpoints = wanting.candidates(self.record.timestamp_ms)
        if self._place == len(endpoints):
            return False
        endpoint = endpoints[self._place]
        self._place += 1
        if self._wants(wanting, endpoint, event):
            self._found.append(endpoint)
            if ticket is None and len(self._found) > WIDE:
                self._begin(event)
        return True

    def _wants(self, wanting: Wanting, endpoint: Candidate, event: Event) -> bool:
        """Return whether an endpoint wants the event, or its filter raised an exception."""
        try:
            return wanting.wants(endpoint, event.space_id, self.record.timestamp_ms, event.data)
        except Exception as error:  # noqa: BLE001 - the event's other deliveries proceed
            self._unjudged[endpoint.endpoint_id] = error
            return True

    def _begin(self, event: Event) -> None:
        record = self.record
        record.pending = 1
        record.assignment.begun += 1
        self._ticket = self._settler.open_wide(record)
        history = History(_EVENT, 0, 0, 0, record.timestamp_ms)
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
