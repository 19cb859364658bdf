"""Parser of events in requests: Plaudit's JSON, and CloudEvents 1.0 in both modes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final, NamedTuple
from uuid import UUID

import orjson
from pydantic import ValidationError

from plaudit.api.problems import Refused, unknown_type
from plaudit.events.avro.json_fast_path import UNUSUAL, JsonWritten, write_json
from plaudit.events.catalogue import CATALOGUE, UnknownEventType, lookup
from plaudit.events.models.event import EventModel
from plaudit.records.trace_context import TRACEPARENT, TRACESTATE, TraceContext, trace_context
from plaudit.records.validation import explained
from plaudit.store.endpoints.idempotency_seed import IdempotencySeed

MOST_EVENTS: Final = 1_000
SOURCE: Final = "/plaudit/api"
JSON: Final = "application/json"
STRUCTURED: Final = "application/cloudevents+json"
BATCH: Final = "application/cloudevents-batch+json"
_FIELDS: Final = frozenset({"type", "data", "source"})
_BINARY: Final = (
    *("ce-id", "ce-type", "ce-source", "ce-specversion", "ce-time"),
    *("ce-traceparent", "ce-tracestate"),
)


class Incoming(NamedTuple):
    """An event to publish.

    Attributes:
        event: the event; already as Avro if the fast path applies to its JSON.
        source: value of `ce_source`.
        where: its path in the request, with a trailing dot; empty for a single event.
        trace: trace context of the request, or from the event's attributes.
    """

    event: EventModel | JsonWritten
    source: str
    where: str
    trace: TraceContext | None = None


def read_events(media_type: str, headers: Mapping[str, str], body: bytes) -> Iterator[Incoming]:
    """Yield the events of a request.

    Args:
        media_type: media type of the body, without parameters.
        headers: headers by name, case-insensitive; `ce-*` selects CloudEvents' binary mode.
        body: body as received.

    Raises:
        Refused: a field is invalid; the message names it, and the event of a batch.
    """
    if media_type not in {JSON, STRUCTURED, BATCH}:
        detail = f"send {JSON}, {STRUCTURED} or {BATCH}"
        raise Refused(415, detail, field="content-type")
    try:
        tree = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Refused(400, f"not JSON: {error}") from None
    if media_type == JSON and "ce-type" in headers:
        attributes = {name[3:]: headers[name] for name in _BINARY if name in headers}
        yield _cloud_event(_trace_of(headers), {**attributes, "data": tree}, "")
        return
    request_trace = _trace_of(headers)
    read = partial(_ours if media_type == JSON else _cloud_event, request_trace)
    if media_type == STRUCTURED or (media_type == JSON and isinstance(tree, dict)):
        yield read(tree, "")
        return
    if not isinstance(tree, list) or not 0 < len(tree) <= MOST_EVENTS:
        raise Refused(422, f"an event, or a list of 1 to {MOST_EVENTS:,}", field="body")
    for place, each in enumerate(tree):
        yield read(each, f"{place}.")


def with_ids(body: bytes, idempotency: IdempotencySeed) -> bytes:
    """Return a request body with an id in every event, so that a retry publishes the same ids.

    It returns invalid bodies unchanged, since `read_events` refuses them.
    """
    try:
        tree = orjson.loads(body)
        for place, event in enumerate(tree if isinstance(tree, list) else [tree]):
            event["data"]["meta"].setdefault("event_id", idempotency.uuid(f"event {place}"))
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        return body
    return orjson.dumps(tree)


def _ours(trace: TraceContext | None, tree: object, where: str) -> Incoming:
    if not isinstance(tree, dict) or not isinstance(tree.get("data"), dict):
        detail = 'an event is {"type": "testimonial.approved", "data": {…}}'
        raise Refused(422, detail, field=f"{where}data")
    if not tree.keys() <= _FIELDS:
        name = min(tree.keys() - _FIELDS)
        raise Refused(
            422, "unknown field; the fields are type, data and source", field=where + name
        )
    source = tree.get("source", SOURCE)
    if not isinstance(source, str):
        raise Refused(422, "a URI reference such as /services/reviews", field=f"{where}source")
    return Incoming(_written(tree.get("type"), tree["data"], where), source, where, trace)


def _cloud_event(trace: TraceContext | None, tree: object, where: str) -> Incoming:
    if not isinstance(tree, dict) or not isinstance(tree.get("data"), dict):
        raise Refused(422, "a CloudEvent with the event as JSON in it", field=f"{where}data")
    if tree.get("specversion") != "1.0":
        raise Refused(422, "has to be 1.0", field=f"{where}specversion")
    for name in ("id", "source"):
        if not isinstance(tree.get(name), str) or not tree[name]:
            raise Refused(422, "missing, or not a text", field=where + name)
    data = dict(tree["data"])
    if isinstance(data.get("meta"), dict):
        # Attributes provide fields that the event omits.
        given = {"event_id": tree["id"], "occurred_at": tree.get("time")}
        said = {name: value for name, value in given.items() if value is not None}
        data["meta"] = {**said, **data["meta"]}
    event = _event(tree.get("type"), data, where)
    if str(event.meta.event_id) != _uuid(tree["id"]):
        detail = "has to be the UUID in meta.event_id: it becomes the webhook-id"
        raise Refused(422, detail, field=f"{where}id")
    # The event's attribute names its origin; the request itself may come from a relay.
    return Incoming(event, tree["source"], where, _trace_of(tree) or trace)


def _trace_of(given: Mapping[str, object]) -> TraceContext | None:
    """Return the trace context among headers or attributes; None without a valid one."""
    parent, state = given.get(TRACEPARENT), given.get(TRACESTATE)
    if not isinstance(parent, str):
        return None
    return trace_context(parent.encode(), state.encode() if isinstance(state, str) else None)


def _written(name: object, data: dict[str, Any], where: str) -> EventModel | JsonWritten:
    """Return an event as Avro, or as its model if the fast path does not apply.

    Raises:
        Refused: a field is invalid; the message names it.
    """
    event_type = CATALOGUE.get(name) if isinstance(name, str) else None
    if event_type is not None:
        try:
            return write_json(event_type, data)
        except UNUSUAL:
            pass  # the model reports the error, if there is one
    return _event(name, data, where)


def _event(name: object, data: dict[str, Any], where: str) -> EventModel:
    if not isinstance(name, str) or not name:
        detail = 'missing; set it to an event type, for example "testimonial.approved"'
        raise Refused(422, detail, field=f"{where}type")
    try:
        return lookup(name).model.model_validate_json(orjson.dumps(data))
    except UnknownEventType as error:
        raise Refused(422, unknown_type(error), field=f"{where}type") from None
    except orjson.JSONEncodeError:
        raise Refused(422, "nested too deep", field=f"{where}data") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        path = ".".join(str(part) for part in ("data", *first["loc"]))
        raise Refused(422, explained(first, quotes_text=False), field=where + path) from None


def _uuid(text: str) -> str | None:
    try:
        return str(UUID(text))
    except ValueError:
        return None
