"""Latest events of a workspace, and which of them an endpoint would receive."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from plaudit.endpoints.filters import Filter
from plaudit.endpoints.matching import ERASED
from plaudit.events.decoding import Event, EventDecoder, SchemaUnknown, Undecodable
from plaudit.kafka.errors import TopicMissing
from plaudit.kafka.read.consumer import Partition
from plaudit.kafka.read.range import BoundedReader, Span
from plaudit.kafka.settings import KafkaSettings

if TYPE_CHECKING:
    from confluent_kafka import Message

MOST_EVENTS: Final = 100
MOST_READ: Final = 6_000
"""Number of records that one call reads from the ends of the event topics; takes 0.2 s."""
FRESH_S: Final = 15.0
PATIENCE_S: Final = 5.0
_KEPT_WORKSPACES: Final = 32


@dataclass(frozen=True, slots=True)
class RecentEvent:
    """An event and its append time in epoch milliseconds."""

    at_ms: int
    event: Event


@dataclass(frozen=True, slots=True)
class Unsent:
    """An event that an endpoint would not receive, and why."""

    recent: RecentEvent
    why: str


@dataclass(frozen=True, slots=True)
class SelectionPreview:
    """Effect of an endpoint's selection on the latest events.

    Attributes:
        total: number of checked events.
        unsent: events that the endpoint would not receive.
    """

    total: int
    unsent: Sequence[Unsent]

    @property
    def sent(self) -> int:
        """Number of events that the endpoint would receive."""
        return self.total - len(self.unsent)


class RecentEvents:
    """Reads the latest events of a workspace; safe to use from any thread.

    Args:
        settings: connection to Kafka.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, Sequence[RecentEvent]]] = {}

    def look(self, workspace_id: str) -> Sequence[RecentEvent]:
        """Return the latest events, newest first, at most a hundred.

        Raises:
            KafkaFailure: the brokers are unavailable or refuse.
        """
        with self._lock:
            now = time.monotonic()
            known = self._known.get(workspace_id)
            if known is not None and now - known[0] < FRESH_S:
                return known[1]
            found = self._read(workspace_id)
            if len(self._known) >= _KEPT_WORKSPACES:
                self._known.clear()
            self._known[workspace_id] = time.monotonic(), found
            return found

    def _read(self, workspace_id: str) -> Sequence[RecentEvent]:
        decoder = EventDecoder()
        found = []
        group = f"{self._settings.names.prefix}recent"
        with BoundedReader(self._settings, group, patience_s=PATIENCE_S) as reader:
            for message in reader.read(tails(self._spans(reader), MOST_READ)):
                event = _event(decoder, message)
                if event is not None and event.workspace_id == workspace_id:
                    found.append(RecentEvent(message.timestamp()[1], event))
        found.sort(key=lambda each: each.at_ms, reverse=True)
        return found[:MOST_EVENTS]

    def _spans(self, reader: BoundedReader) -> dict[Partition, Span]:
        spans: dict[Partition, Span] = {}
        for topic in self._settings.names.event_topics:
            try:
                spans |= reader.spans(topic)
            except TopicMissing:
                continue
        return spans


def tails(spans: dict[Partition, Span], most: int) -> dict[Partition, Span]:
    """Return the last records of each partition, at most `most` in total."""
    each = max(1, most // max(1, len(spans)))
    return {place: (max(low, high - each), high) for place, (low, high) in spans.items()}


def preview(
    events: Sequence[RecentEvent],
    types: Collection[str],
    spaces: Collection[str],
    wants: Filter | None,
) -> SelectionPreview:
    """Return which events an endpoint with this selection would receive.

    Args:
        events: latest events.
        types: its event types; empty means all.
        spaces: its spaces; empty means all.
        wants: its content filter.
    """
    return SelectionPreview(len(events), list(_unsent(events, types, spaces, wants)))


def _unsent(
    events: Sequence[RecentEvent],
    types: Collection[str],
    spaces: Collection[str],
    wants: Filter | None,
) -> Iterator[Unsent]:
    for each in events:
        event = each.event
        if event.type == ERASED:
            continue
        if types and event.type not in types:
            yield Unsent(each, "its type is not selected")
        elif spaces and event.space_id not in spaces:
            yield Unsent(each, "it belongs to another space")
        elif wants is not None and not wants(event.data):
            yield Unsent(each, "the filter does not match")


def _event(decoder: EventDecoder, message: Message) -> Event | None:
    try:
        return decoder.decode(message.value() or b"")
    except (Undecodable, SchemaUnknown):
        return None
