"""Reconstruction of a sent request from the event."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from plaudit.control.event_origin import EventSource, find_event
from plaudit.control.views import OwnHeaders, request_headers
from plaudit.events.rendering import render
from plaudit.formats.catalogue import UnknownFormat, shape_of
from plaudit.formats.shape import SOURCE, Rendered
from plaudit.store.log.queries import Attempt


@dataclass(frozen=True, slots=True)
class SentRequest:
    """A request.

    Attributes:
        headers: headers; of secret ones only the names.
        body: the body; None if it can't be rendered.
        problem: reason for a missing body.
        is_stored: whether the event is from the database, since Kafka has it no more.
    """

    headers: Mapping[str, str]
    body: bytes | None
    problem: str | None = None
    is_stored: bool = False


def sent_request(
    source: EventSource, attempt: Attempt, form: str, own: OwnHeaders | None
) -> SentRequest:
    """Return the request of an attempt.

    Args:
        source: source of events.
        attempt: the attempt.
        form: current format of the endpoint.
        own: current names of the endpoint's own headers.

    Raises:
        KafkaFailure: the brokers are unavailable or refuse.
    """
    headers = request_headers(attempt, own)
    record, event, problem, is_stored = find_event(source, attempt)
    if record is None or event is None:
        return SentRequest(headers, None, f"the event can't be read: {problem}")
    try:
        shape = shape_of(form)
    except UnknownFormat as error:
        return SentRequest(headers, None, f"the event can't be read: {error}")
    sender = dict(record.headers).get("ce_source", SOURCE.encode()).decode("utf-8", "replace")
    rendered = Rendered(render(event)) if shape is None else shape.render(event, sender)
    kind = b"application/json" if shape is None else shape.content_type
    more = {name.decode(): value.decode() for name, value in rendered.headers}
    named = {"content-type": kind.decode(), **headers, **more}
    return SentRequest(named, rendered.body, is_stored=is_stored)
