"""`plaudit trace`: history of one event, or of one testimonial."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from sqlalchemy.engine import Engine

from plaudit.cli.commands.deliveries import attempt_line
from plaudit.cli.ui.console import PlainConsole
from plaudit.cli.ui.database import opened_database, stored_events
from plaudit.cli.ui.ids import KnownObject, id_prefix, id_range, resolve
from plaudit.cli.ui.output import Exit, fail, print_json
from plaudit.control.event_origin import EventSource
from plaudit.control.event_search import Window, find_events, window_of
from plaudit.control.trace import EndpointHistory, Trace, Tracer
from plaudit.control.views import shown_attempt
from plaudit.dlq.letters.filters import moment
from plaudit.kafka.read.record_reader import RecordReader
from plaudit.kafka.schemas.late_decoder import LateDecoder
from plaudit.kafka.settings import KafkaSettings
from plaudit.records.times import time_text, wall_ms
from plaudit.store.db.database import reading
from plaudit.store.log.short_ids import deliveries_between, event_of_delivery, events_between


def command(
    some_id: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            help="Id of an event, of its subject or of a delivery; or its first characters.",
        ),
    ],
    since: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="If the log has nothing, search Kafka from this time: RFC 3339, or an age: 2h.",
        ),
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, an event a line.")] = False,
) -> None:
    """Trace an event or a testimonial: where published, to which endpoints, why not, what is next.

    An event that matched no endpoint has no attempt records. The command searches Kafka for it,
    around the time in its id (UUID version 7), or from --since on.

    Example: plaudit trace 0191f0d2-6f0a-7cc3-b1a5-3d2b8b6c9a10
    """
    now_ms = wall_ms()
    since_ms = moment("--since", since, now_ms)
    settings = KafkaSettings()
    engine = opened_database()
    try:
        some_id = _event_or_subject(engine, some_id)
        window = window_of(some_id) if since_ms is None else (since_ms, now_ms)
        with RecordReader(settings) as reader, LateDecoder(settings) as decoder:
            tracer = Tracer(engine, EventSource(reader, decoder, stored_events(engine)))
            traced = tracer.trace(some_id) or _untold(tracer, settings, some_id, window)
    finally:
        engine.dispose()
    if not traced:
        fail(_nothing(some_id, window), Exit.FAILED)
    for each in traced:
        if as_json:
            print_json(shown_trace(each))
        else:
            _print(each)


def _event_or_subject(engine: Engine, text: str) -> str:
    """Return the id to trace: a short id completed, a delivery's id replaced by its event's."""

    def known() -> list[KnownObject]:
        prefix = id_prefix(text)
        if prefix is None:
            return []
        span = id_range(prefix)
        with reading(engine) as connection:
            found = [*events_between(connection, *span), *deliveries_between(connection, *span)]
        return [KnownObject(each) for each in found]

    whole = resolve(text, "event", known)
    with reading(engine) as connection:
        return event_of_delivery(connection, whole) or whole


def _untold(
    tracer: Tracer, settings: KafkaSettings, some_id: str, window: Window | None
) -> list[Trace]:
    if window is None:
        return []
    found = (tracer.trace_without_attempts(each) for each in find_events(settings, some_id, window))
    return [each for each in found if each is not None]


def _nothing(some_id: str, window: Window | None) -> str:
    if window is None:
        return (
            f"the log has nothing about {some_id}; to find events that no endpoint wanted, add "
            "the time to search from: --since 2h"
        )
    start, end = map(time_text, window)
    return (
        f"neither the log nor Kafka, from {start} to {end}, has anything about {some_id}; "
        "another time: --since"
    )


def shown_trace(traced: Trace) -> dict[str, Any]:
    """Return a trace as plain data."""
    published = traced.published_at
    return {
        "event_id": traced.event_id,
        "event_type": traced.event_type,
        "subject": traced.subject,
        "workspace_id": traced.workspace_id,
        "origin": traced.origin,
        "published_at": None if published is None else time_text(published),
        "problem": traced.problem,
        "endpoints": [_course(each) for each in traced.histories],
    }


def _course(course: EndpointHistory) -> dict[str, Any]:
    latest = course.attempts[-1] if course.attempts else None
    return {
        "endpoint_id": course.endpoint_id,
        "name": None if course.endpoint is None else course.endpoint.name,
        "deleted": course.endpoint is None,
        "state": None if latest is None else str(latest.state),
        "not_sent_because": course.unwanted,
        "note": course.note,
        "delivery_id": None if latest is None else latest.delivery_id,
        "attempts": [shown_attempt(each) for each in course.attempts],
    }


def _print(traced: Trace) -> None:
    console = PlainConsole(soft_wrap=True)
    shown = shown_trace(traced)
    at = shown["published_at"] or "?"
    console.print(f"{traced.event_type}  {traced.event_id}", markup=False)
    console.print(f"  published {at} at {traced.origin}, about {traced.subject}", markup=False)
    if traced.problem is not None:
        console.print(f"  {traced.problem}", markup=False)
    if shown["endpoints"] and not any(each["attempts"] for each in shown["endpoints"]):
        console.print("  sent to no endpoint:", markup=False)
    for course in shown["endpoints"]:
        name = course["name"] or ("deleted" if course["deleted"] else "")
        named = f"{course['endpoint_id']} {name}".rstrip()
        state = course["state"] or f"not sent: {course['not_sent_because']}"
        console.print(f"  to {named}: {state}", markup=False)
        if course["note"]:
            console.print(f"    {course['note']}", markup=False)
        for each in course["attempts"]:
            console.print(f"    {attempt_line(each)}", markup=False)
        if course["attempts"] and course["attempts"][-1]["next_due_at"]:
            console.print(f"    next at {course['attempts'][-1]['next_due_at']}", markup=False)
