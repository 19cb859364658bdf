"""`/v1/events`: publishing for services that can't speak Kafka."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Final

from fastapi import APIRouter, Request
from pydantic import BaseModel

from plaudit.api.callers import Caller, WithParts, Writing
from plaudit.api.incoming import BATCH, JSON, MOST_EVENTS, STRUCTURED, Incoming, read_events
from plaudit.api.parts import Parts
from plaudit.api.problems import Refused, documented
from plaudit.events.catalogue import type_of
from plaudit.kafka.errors import BufferFull
from plaudit.kafka.producer import Ack
from plaudit.publish.errors import EventTooLarge, OptionRefused
from plaudit.publish.prepare import Prepared, checked_source, prepare

router = APIRouter(prefix="/v1", tags=["events"])

MOST_BYTES: Final = 8 * 1024 * 1024
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
_CLOUD: Final = {"type": "object", "required": ["specversion", "id", "source", "type", "data"]}
_BODY: Final = {
    "required": True,
    "content": {
        JSON: {
            "schema": {"anyOf": [_OURS, {"type": "array", "items": _OURS, "maxItems": MOST_EVENTS}]}
        },
        STRUCTURED: {"schema": _CLOUD},
        BATCH: {"schema": {"type": "array", "items": _CLOUD, "maxItems": MOST_EVENTS}},
    },
}


class Accepted(BaseModel):
    """What the brokers have."""

    accepted: int
    ids: list[str]


@router.post(
    "/events",
    status_code=202,
    responses=documented(400, 413, 415),
    openapi_extra={"requestBody": _BODY},
)
async def publish_events(request: Request, parts: WithParts, who: Writing) -> Accepted:
    """Publish one event or many; the answer comes when the brokers have acknowledged all.

    An event's `meta.event_id` makes sending it again harmless: subscribers get the same
    `webhook-id`. Of many, none is published unless all are right; after a 503 send all again.
    CloudEvents are taken in structured, batched and binary mode.
    """
    body = await _body(request)
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    incoming = await asyncio.to_thread(read_events, media_type, request.headers, body)
    prepared = await asyncio.to_thread(_prepared, parts, who, incoming)
    await _publish(parts, prepared)
    return Accepted(
        accepted=len(incoming), ids=[str(each.event.meta.event_id) for each in incoming]
    )


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
    sent: list[Future[Ack]] = []
    try:
        sent += [
            parts.producer.publish(each.topic, each.value, each.key, each.headers)
            for each in prepared
        ]
    except BufferFull:
        detail = "more comes in than the brokers take now; send it again"
        raise Refused(503, detail, headers={"retry-after": str(FULL_S)}) from None
    await asyncio.gather(*(asyncio.wrap_future(each) for each in sent))
