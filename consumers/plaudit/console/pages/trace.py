"""Trace of an event or a testimonial, as a picture."""

from __future__ import annotations

from typing import Any, Final

from plaudit.console.asking import Answer, Ask, Shown
from plaudit.console.pages.delivery import pretty
from plaudit.console.pages.labels import label_of
from plaudit.console.views.timeline import timeline
from plaudit.console.views.verdict import verdict
from plaudit.console.views.words import Mark, mark_of
from plaudit.control.event_search import find_events, window_of
from plaudit.control.trace import EndpointHistory, Trace, Tracer
from plaudit.events.rendering import render

MOST_UNSENT: Final = 100
"""Endpoints of a workspace that are shown although the event was not sent to them."""


def show(ask: Ask) -> Answer:
    """Show the trace of an id."""
    some_id = ask.at["id"]
    tracer = Tracer(ask.services.api.engine, ask.services.api.source, MOST_UNSENT)
    traced = list(tracer.trace(some_id, ask.viewer.workspace_id))
    if not traced and ask.viewer.is_operator:
        traced = _untold(ask, tracer, some_id)
    values = {"id": some_id, "events": [_event(ask, each) for each in traced]}
    return Shown("trace.html", values, 200 if traced else 404)


def _untold(ask: Ask, tracer: Tracer, some_id: str) -> list[Trace]:
    """Search Kafka for events without attempts, around the time in the id.

    For operators only, because it reads an hour of every event topic.
    """
    window = window_of(some_id)
    if window is None:
        return []
    found = (
        tracer.trace_without_attempts(each)
        for each in find_events(ask.services.kafka, some_id, window)
    )
    return [each for each in found if each is not None]


def _event(ask: Ask, traced: Trace) -> dict[str, Any]:
    event = traced.event
    return {
        "traced": traced,
        "body": None if event is None else pretty(render(event)),
        "courses": [_course(ask, each) for each in traced.histories],
    }


def _course(ask: Ask, course: EndpointHistory) -> dict[str, Any]:
    tried = course.attempts
    known = course.endpoint
    return {
        "name": f"deleted endpoint {course.endpoint_id[:8]}"
        if known is None
        else label_of(ask, known).name,
        "url": None if known is None else ask.url(f"/endpoints/{course.endpoint_id}"),
        "mark": mark_of(tried[-1]) if tried else Mark("quiet", "not sent"),
        "sentence": verdict(tried).sentence if tried else (course.unwanted or "",),
        "delivery": ask.url(f"/deliveries/{tried[-1].delivery_id}") if tried else None,
        "points": timeline(tried) if tried else [],
        "note": course.note,
    }
