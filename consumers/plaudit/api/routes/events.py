"""`/v1/events`: publishing over HTTP, for services without a Kafka client."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from inspect import cleandoc
from typing import Any, Final
from urllib.parse import parse_qsl

import orjson
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from plaudit.api.auth import CALLER, IDEMPOTENCY_SEED, SCHEME, Caller, check_rate
from plaudit.api.dependencies import ApiServices
from plaudit.api.event_parser import (
    JSON,
    Incoming,
    read_events,
    with_ids,
)
from plaudit.api.middleware.body import read_body
from plaudit.api.problems import Refused, answer, documented, refusal
from plaudit.api.query_params import check_names
from plaudit.api.schemas.event_bodies import ACCEPTED, REQUEST_BODY
from plaudit.events.avro.json_fast_path import JsonWritten
from plaudit.events.catalogue import type_of
from plaudit.events.models.event import EventModel
from plaudit.kafka.errors import BufferFull
from plaudit.publish.errors import EventTooLarge, OptionRefused
from plaudit.publish.prepare import Prepared, checked_source, prepare, prepare_written
from plaudit.store.endpoints.idempotency_seed import IdempotencySeed

AT_ONCE: Final = 25
"""Events to parse, in about a millisecond, before other requests may run.

A parsing thread would compete with the event loop for the interpreter lock, which costs more.
"""
BYTES_EACH: Final = 8 * 1024
"""Bytes of a request that count as one event, since parsing time grows with size."""
FULL_S: Final = 1
"""Seconds after which a full buffer is worth a retry."""
_QUERY: Final[frozenset[str]] = frozenset()
"""The route has no query parameters."""


class Ingest:
    """Publish one or more events; responds when the brokers have acknowledged all.

    An event's `meta.event_id` makes a retry idempotent, as subscribers receive the same
    `webhook-id`. A batch is published only if all its events are valid. After a 503, retry all.
    CloudEvents are accepted, too: structured (`application/cloudevents+json`), batched
    (`application/cloudevents-batch+json`) and binary (`ce-*` headers).
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request without FastAPI's routing, which costs twice as much as an event."""
        scope["route"] = ROUTE  # for the metrics
        try:
            response = await _publish_events(scope["app"].state.services, scope, receive)
        except ClientDisconnect:
            return
        except Exception as error:  # noqa: BLE001 - every error becomes a problem document
            response = answer(refusal(error))
        await response(scope, receive, send)


ROUTE: Final = Route("/v1/events", Ingest(), methods=["POST"])


class Shortcut:
    """Middleware that handles event requests directly, bypassing the rest of the stack.

    Args:
        app: handles all other requests.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        events = scope["type"] == "http" and scope["path"] == ROUTE.path
        app = ROUTE.app if events and scope["method"] == "POST" else self._app
        await app(scope, receive, send)


async def _publish_events(services: ApiServices, scope: Scope, receive: Receive) -> Response:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    who: Caller = scope[CALLER]
    check_names([name for name, _ in parse_qsl(scope["query_string"].decode("latin-1"))], _QUERY)
    if _is_limited(who):
        await check_rate(services.quotas.events, who, 0)
    body = await read_body(receive, headers.get("content-length"))
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    idempotency: IdempotencySeed | None = scope.get(IDEMPOTENCY_SEED)
    if idempotency is not None and media_type == JSON and "ce-type" not in headers:
        body = with_ids(body, idempotency)
    prepared: list[Prepared] = []
    ids: list[str] = []
    try:
        for number, each in enumerate(read_events(media_type, headers, body), 1):
            prepared.append(_prepared(services, who, each))
            ids.append(_id_of(each.event))
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)
    finally:
        # A refused batch has cost as much as an accepted one.
        if _is_limited(who):
            cost = max(len(prepared), -(-len(body) // BYTES_EACH))
            services.quotas.events.charge(who.bucket, cost)
    await _publish(services, prepared)
    accepted = orjson.dumps({"accepted": len(ids), "ids": ids})
    return Response(accepted, 202, media_type=JSON)


def _is_limited(who: Caller) -> bool:
    """Return whether the event rate applies; an admin key serves many workspaces."""
    return who.key.workspace_id is not None


def operation() -> dict[str, Any]:
    """Return the route's description in the OpenAPI document."""
    summary, _, description = cleandoc(Ingest.__doc__ or "").partition("\n\n")
    problems = {str(status): said for status, said in documented(400, 413, 415, 429).items()}
    return {
        "tags": ["events"],
        "operationId": "publishEvents",
        "summary": "Publish Events",
        "description": f"{summary}\n\n{description}",
        "security": [{SCHEME: []}],
        "requestBody": REQUEST_BODY,
        "responses": {"202": ACCEPTED, **problems},
    }


def _prepared(services: ApiServices, who: Caller, incoming: Incoming) -> Prepared:
    """Return the record of an event that the caller may publish.

    Raises:
        Refused: the event belongs to another workspace, or can't be encoded as a record.
    """
    event, where = incoming.event, incoming.where
    ours = event if isinstance(event, JsonWritten) else event.meta
    who.require_workspace(str(ours.workspace_id), f"{where}data.meta.workspace_id")
    try:
        source = checked_source(incoming.source)
        if isinstance(event, JsonWritten):
            schema_id = services.schema_id(event.type)
            return prepare_written(event, services.names, source, schema_id, incoming.trace)
        schema_id = services.schema_id(type_of(event))
        return prepare(event, services.names, source, incoming.trace, schema_id)
    except OptionRefused as error:
        raise Refused(422, str(error), field=f"{where}source") from None
    except EventTooLarge as error:
        raise Refused(413, str(error), field=f"{where}data") from None


def _id_of(event: EventModel | JsonWritten) -> str:
    return event.event_id if isinstance(event, JsonWritten) else str(event.meta.event_id)


async def _publish(services: ApiServices, prepared: Sequence[Prepared]) -> None:
    """Send records, and wait until the brokers have acknowledged all of them.

    Raises:
        Refused: the buffer is full.
        KafkaFailure: a record was not acknowledged in time.
    """
    try:
        await services.outlet.publish(prepared)
    except BufferFull:
        detail = "more events arrive than the brokers accept now; send the request again"
        raise Refused(503, detail, headers={"retry-after": str(FULL_S)}) from None
