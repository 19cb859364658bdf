"""Trace of an event, or of an entity's events, from the log and from Kafka."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from sqlalchemy.engine import Connection, Engine

from plaudit.control.event_origin import EventSource, find_event, place_of
from plaudit.control.event_search import PlacedEvent
from plaudit.endpoints.filters import known_filter
from plaudit.endpoints.matching import ERASED
from plaudit.events.decoding import Event, SchemaUnknown, Undecodable
from plaudit.records.times import time_text
from plaudit.store.db.database import reading
from plaudit.store.endpoints import rows
from plaudit.store.endpoints.rows import StoredEndpoint
from plaudit.store.log.queries import Attempt, attempts_about


@dataclass(frozen=True, slots=True)
class EndpointHistory:
    """History of an event at one endpoint.

    Attributes:
        endpoint_id: id of the endpoint.
        endpoint: its current state; None if it was deleted.
        attempts: attempts in order; empty if the event was not sent.
        unwanted: why the event was not sent; None if it was.
        note: further remark, if any.
    """

    endpoint_id: str
    endpoint: StoredEndpoint | None
    attempts: tuple[Attempt, ...]
    unwanted: str | None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Trace:
    """Trace of one event.

    Attributes:
        event: the event as subscribers receive it; None if it can't be read.
        problem: why it can't be read.
        published_at: append time in epoch milliseconds; None if the record is gone.
        histories: history at each endpoint.
        is_cut: whether the workspace has further endpoints, to which the event was not sent.
    """

    event_id: str
    event_type: str
    subject: str
    workspace_id: str
    origin: str
    event: Event | None
    problem: str | None
    published_at: int | None
    histories: tuple[EndpointHistory, ...]
    is_cut: bool = False


class Tracer:
    """Collects traces.

    Args:
        engine: database.
        source: source of events.
        most_unsent: endpoints of a workspace to look at besides those with attempts; None: all.
    """

    def __init__(self, engine: Engine, source: EventSource, most_unsent: int | None = None) -> None:
        self._engine = engine
        self._source = source
        self._most_unsent = most_unsent

    def trace(self, some_id: str, workspace_id: str | None = None) -> Sequence[Trace]:
        """Return the traces for an event's id, or for the id of an entity.

        Raises:
            InputRefused: the text is not an id.
            DatabaseFailure: the log can't be read.
            KafkaFailure: the brokers are unavailable or refuse.
        """
        with reading(self._engine) as connection:
            attempts = attempts_about(connection, some_id)
            mine = [each for each in attempts if workspace_id in {None, each.workspace_id}]
            known = rows.find_each(connection, {each.endpoint_id for each in mine})
            others = {
                of: self._others(connection, of) for of in {each.workspace_id for each in mine}
            }
        by_event = sorted(mine, key=lambda each: each.event_id)
        traced = [
            self._event(tuple(group), known, others)
            for _, group in groupby(by_event, key=lambda each: each.event_id)
        ]
        return sorted(traced, key=lambda each: each.histories[0].attempts[0].started_at)

    def trace_without_attempts(self, placed: PlacedEvent) -> Trace | None:
        """Return the trace of an event without attempt records; None if it is not an event.

        Raises:
            DatabaseFailure: the endpoints can't be read.
        """
        try:
            event = self._source.decoder.decode(placed.value, lambda: placed.headers)
        except (Undecodable, SchemaUnknown):
            return None
        with reading(self._engine) as connection:
            endpoints, is_cut = self._others(connection, event.workspace_id)
        return Trace(
            event.event_id,
            event.type,
            event.subject,
            event.workspace_id,
            f"{placed.topic}[{placed.partition}]@{placed.offset}",
            event,
            None if endpoints else "its workspace has no endpoints",
            placed.timestamp_ms,
            tuple(_histories((), endpoints, event, placed.timestamp_ms)),
            is_cut,
        )

    def _others(self, connection: Connection, of: str) -> tuple[Sequence[StoredEndpoint], bool]:
        """Return endpoints of a workspace, and whether it has further ones."""
        most = self._most_unsent
        found = rows.find_page(connection, of, None if most is None else most + 1)
        return found[:most], most is not None and len(found) > most

    def _event(
        self,
        attempts: tuple[Attempt, ...],
        known: Mapping[str, StoredEndpoint],
        others: Mapping[str, tuple[Sequence[StoredEndpoint], bool]],
    ) -> Trace:
        first = attempts[0]
        some, is_cut = others[first.workspace_id]
        endpoints = {**{each.endpoint_id: each for each in some}, **known}.values()
        found, event, problem, _ = find_event(self._source, first)
        appended_ms = None if found is None else found.timestamp_ms
        return Trace(
            first.event_id,
            first.event_type,
            first.subject,
            first.workspace_id,
            place_of(first),
            event,
            problem,
            appended_ms,
            tuple(_histories(attempts, endpoints, event, appended_ms)),
            is_cut,
        )


def _histories(
    attempts: Sequence[Attempt],
    endpoints: Collection[StoredEndpoint],
    event: Event | None,
    appended_ms: int | None,
) -> Iterator[EndpointHistory]:
    known = {each.endpoint_id: each for each in endpoints}
    ordered = sorted(attempts, key=lambda each: (each.endpoint_id, each.started_at))
    tried = set()
    for endpoint_id, group in groupby(ordered, key=lambda each: each.endpoint_id):
        tried.add(endpoint_id)
        endpoint = known.get(endpoint_id)
        yield EndpointHistory(endpoint_id, endpoint, tuple(group), None, _note(endpoint, event))
    if event is None or appended_ms is None:
        return
    for each in endpoints:
        if each.endpoint_id not in tried and each.workspace_id == event.workspace_id:
            reason = mismatch(each, event, appended_ms) or "matched, and not attempted yet"
            yield EndpointHistory(each.endpoint_id, each, (), reason)


def _note(endpoint: StoredEndpoint | None, event: Event | None) -> str | None:
    if endpoint is None or event is None:
        return None
    wants = known_filter(endpoint.content_filter)
    if wants is None or not wants(event.data) or not wants.overruns:
        return None
    return "its filter takes too many steps for this event, so the event was sent unfiltered"


def mismatch(endpoint: StoredEndpoint, event: Event, appended_ms: int) -> str | None:
    """Return why an endpoint's current state does not match an event; None if it does."""
    if endpoint.status != "active" and appended_ms >= (endpoint.status_since or 0):
        return f"disabled: {endpoint.status_reason}"
    if appended_ms < endpoint.active_from:
        return f"published before the endpoint was served, at {time_text(endpoint.active_from)}"
    if event.type == ERASED:
        return None
    if endpoint.event_types and event.type not in endpoint.event_types:
        return f"it subscribes only to {', '.join(endpoint.event_types)}"
    if endpoint.spaces and event.space_id not in endpoint.spaces:
        return f"it subscribes only to the spaces {', '.join(endpoint.spaces)}"
    wants = known_filter(endpoint.content_filter)
    if wants is not None and not wants(event.data):
        return f"its filter requires {endpoint.content_filter}"
    return None
