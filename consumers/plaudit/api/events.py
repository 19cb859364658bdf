"""`/v1/events`: publishing for services that can't speak Kafka."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from inspect import cleandoc
from typing import Any, Final

import orjson
from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel
from starlette.routing import Route

from plaudit.api.acks import Acks
from plaudit.api.callers import SCHEME, Caller, publisher
from plaudit.api.incoming import BATCH, JSON, MOST_EVENTS, STRUCTURED, Incoming, read_events
from plaudit.api.parts import Parts
from plaudit.api.problems import Refused, documented
from plaudit.events.catalogue import type_of
from plaudit.events.examples import example_json
from plaudit.kafka.errors import BufferFull
from plaudit.publish.errors import EventTooLarge, OptionRefused
from plaudit.publish.prepare import Prepared, checked_source, prepare

MOST_BYTES: Final = 8 * 1024 * 1024
AT_ONCE_BYTES: Final = 32 * 1024
FULL_S: Final = 1
"""After how many seconds a full buffer is worth another try."""
_OURS: Final = {
    "type": "object",
    "required": ["type", "data"],
    "properties": {
        "type": {"type": "string"},
        "source": {"type": "string"},
        "data": {"type": "object"},
    },
    "additionalProperties": False,
}
_EXAMPLE: Final = {
    "type": "testimonial.approved",
    "source": "/services/moderation",
    "data": orjson.loads(example_json("testimonial.approved")),
}
_CLOUD: Final = {"type": "object", "required": ["specversion", "id", "source", "type", "data"]}
_BODY: Final = {
    "required": True,
    "content": {
        JSON: {
            "schema": {
                "anyOf": [_OURS, {"type": "array", "items": _OURS, "maxItems": MOST_EVENTS}]
            },
            "example": _EXAMPLE,
        },
        STRUCTURED: {"schema": _CLOUD},
        BATCH: {"schema": {"type": "array", "items": _CLOUD, "maxItems": MOST_EVENTS}},
    },
}


class Accepted(BaseModel):
    """What the brokers have."""

    accepted: int
    ids: list[str]


async def publish_events(request: Request) -> Response:
    """Publish one event or many; the answer comes when the brokers have acknowledged all.

    An event's `meta.event_id` makes sending it again harmless: subscribers get the same
    `webhook-id`. Of many, none is published unless all are right; after a 503 send all again.
    CloudEvents are taken in structured, batched and binary mode.
    """
    request.scope["route"] = ROUTE  # for the metrics
    parts: Parts = request.app.state.parts
    who = await publisher(parts, request.headers.get("authorization"))
    body = await _body(request)
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    read = partial(_read, parts, who, media_type, request.headers, body)
    # A thread's turn costs more than reading a few events; many would hold up other requests.
    prepared, ids = read() if len(body) <= AT_ONCE_BYTES else await run_in_threadpool(read)
    await _publish(parts, prepared)
    answer = orjson.dumps({"accepted": len(ids), "ids": ids})
    return Response(answer, 202, media_type=JSON)


ROUTE: Final = Route("/v1/events", publish_events, methods=["POST"])
"""No route of FastAPI's: finding its way through one costs twice what an event does."""


def operation() -> dict[str, Any]:
    """Return the route's description in the OpenAPI document."""
    summary, _, description = cleandoc(publish_events.__doc__ or "").partition("\n\n")
    accepted = {"schema": Accepted.model_json_schema()}
    problems = {str(status): said for status, said in documented(400, 413, 415, 429).items()}
    return {
        "tags": ["events"],
        "operationId": "publish_events",
        "summary": "Publish Events",
        "description": f"{summary}\n\n{description}",
        "security": [{SCHEME: []}],
        "requestBody": _BODY,
        "responses": {
            "202": {"description": "The brokers have them.", "content": {JSON: accepted}},
            **problems,
        },
    }


async def _body(request: Request) -> bytes:
    """Read the body, up to the limit.

    Raises:
        Refused: it is larger.
    """
    read = bytearray()
    async for chunk in request.stream():
        read += chunk
        if len(read) > MOST_BYTES:
            raise Refused(413, f"at most {MOST_BYTES:,} bytes in a request")
    return bytes(read)


def _read(
    parts: Parts, who: Caller, media_type: str, headers: Mapping[str, str], body: bytes
) -> tuple[list[Prepared], list[str]]:
    """Return the records of a request's events, and the events' ids.

    Raises:
        Refused: names the field that is wrong.
    """
    incoming = read_events(media_type, headers, body)
    ids = [str(each.event.meta.event_id) for each in incoming]
    return _prepared(parts, who, incoming), ids


def _prepared(parts: Parts, who: Caller, incoming: Sequence[Incoming]) -> list[Prepared]:
    """Return the records of events that the caller may publish.

    Raises:
        Refused: one belongs to another workspace, or can't be a record.
    """
    prepared = []
    for each in incoming:
        meta = each.event.meta
        who.minds(str(meta.workspace_id), f"{each.where}data.meta.workspace_id")
        try:
            source = checked_source(each.source)
            schema_id = parts.schema_id(type_of(each.event))
            prepared.append(prepare(each.event, parts.names, source, schema_id=schema_id))
        except OptionRefused as error:
            raise Refused(422, str(error), field=f"{each.where}source") from None
        except EventTooLarge as error:
            raise Refused(413, str(error), field=f"{each.where}data") from None
    return prepared


async def _publish(parts: Parts, prepared: Sequence[Prepared]) -> None:
    """Send records, and wait until the brokers have all of them.

    Raises:
        Refused: there is no room now.
        KafkaFailure: one was not acknowledged in time.
    """
    acks = Acks(len(prepared))
    for each in prepared:
        try:
            parts.producer.send(each.topic, each.value, each.key, each.headers, on_ack=acks.report)
        except BufferFull:
            detail = "more comes in than the brokers take now; send it again"
            raise Refused(503, detail, headers={"retry-after": str(FULL_S)}) from None
    await acks.done
