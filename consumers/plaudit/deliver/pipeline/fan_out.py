"""One event of a workspace with many endpoints: matched and handed over a slice at a time."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from plaudit.deliver.model.delivery import History, origin_of
from plaudit.deliver.offsets.assignment import Record
from plaudit.deliver.pipeline.delivers import Delivers
from plaudit.deliver.settle.headers import Headers
from plaudit.deliver.settle.records import fanned_out
from plaudit.deliver.settle.tickets import Ticket
from plaudit.endpoints.matching import Wanting
from plaudit.endpoints.model import Endpoint, Matched
from plaudit.events.decoding import Event
from plaudit.records.delivery_id import delivery_id
from plaudit.records.names import Header, Trigger

WIDE: Final = 64
"""Events that more endpoints want than this are spread through the deliveries lane."""
SLICE_S: Final = 0.002
"""Others' deliveries pass the event loop some five times on their way: 10 ms for all slices."""
_EVENT: Final = Trigger.EVENT


class FanOut:
    """Walks over the endpoints that may want an event.

    While no more than `WIDE` are found, nothing is written; at the end, these few are delivered
    directly. From the next one on, each found is written to the deliveries lane. What a crash
    interrupts is walked again from the start: its record is not done before the end.

    Args:
        record: the event's.
        find: decodes the record, and tells which endpoints want its type; called with the first
            slice, so that a job that waits holds nothing but its record.
        deliverer: delivers.
        deliver: begins the deliveries to a few endpoints; to none, if none wants it.
        clock: seconds that never jump.
    """

    __slots__ = (
        "_clock",
        "_deliver",
        "_deliverer",
        "_event",
        "_find",
        "_found",
        "_headers",
        "_place",
        "_ticket",
        "_wanting",
        "record",
    )

    def __init__(
        self,
        record: Record,
        find: Callable[[Record], tuple[Event, Wanting]],
        deliverer: Delivers,
        deliver: Callable[[Record, Event, Sequence[Matched]], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.record = record
        self._find = find
        self._deliverer = deliverer
        self._deliver = deliver
        self._clock = clock
        self._event: Event | None = None
        self._wanting: Wanting | None = None
        self._place = 0
        self._found: deque[Matched] = deque()
        self._ticket: Ticket | None = None
        self._headers: Headers = []

    def step(self) -> bool:
        """Walk for one slice of time; return whether the walk has ended."""
        try:
            return self._is_given_up() or self._walk()
        except Exception as error:
            if self._ticket is None:
                raise  # nothing was written, and whoever asked for the step gives up the record
            self._deliverer.give_up_wide(self._ticket, error)
            return True

    def _walk(self) -> bool:
        if self._event is None or self._wanting is None:
            self._event, self._wanting = self._find(self.record)
        event, wanting = self._event, self._wanting
        until_s = self._clock() + SLICE_S
        while self._advance(event, wanting):
            if self._clock() >= until_s or not self._deliverer.fans_out:
                return False
        if self._ticket is None:
            self._deliver(self.record, event, self._found)
        else:
            self._deliverer.close_wide(self._ticket)
        return True

    def _is_given_up(self) -> bool:
        """Return whether the next owner of the partition is to begin the event anew.

        One that was begun goes on for as long as the group leaves the partition here: the next
        owner would hand everything over once more.
        """
        assignment = self.record.assignment
        return not (assignment.active if self._ticket is None else assignment.held)

    def _advance(self, event: Event, wanting: Wanting) -> bool:
        """Write one delivery, or look at one endpoint; False at the end."""
        ticket = self._ticket
        if ticket is not None and self._found:
            self._hand_over(ticket, event, self._found.popleft())
            return True
        endpoints = wanting.candidates(self.record.timestamp_ms)
        if self._place == len(endpoints):
            return False
        endpoint = endpoints[self._place]
        self._place += 1
        if wanting.wants(endpoint, event.space_id, self.record.timestamp_ms, event.data):
            self._found.append(endpoint)
            if ticket is None and len(self._found) > WIDE:
                self._begin(event)
        return True

    def _begin(self, event: Event) -> None:
        record = self.record
        self._ticket = self._deliverer.open_wide(record)
        history = History(_EVENT, 0, 0, 0, record.timestamp_ms)
        self._headers = fanned_out(record, event.workspace_id, origin_of(record), history)

    def _hand_over(self, ticket: Ticket, event: Event, endpoint: Matched) -> None:
        endpoint_id = endpoint.endpoint_id
        version = endpoint.version if isinstance(endpoint, Endpoint) else 0
        headers = [
            *self._headers,
            (Header.DELIVERY_ID, delivery_id(event.event_id, endpoint_id).encode()),
            (Header.ENDPOINT_ID, endpoint_id.encode()),
            (Header.ENDPOINT_VERSION, str(version).encode()),
        ]
        self._deliverer.fan_out(ticket, endpoint_id, headers)
