"""`/v1/event-types` and `/v1/keys`: the catalogue and API keys."""

from __future__ import annotations

from uuid import UUID

import orjson
from fastapi import APIRouter

from plaudit.api.auth import Reading, WithIdempotency, WithServices, Writing
from plaudit.api.problems import Refused, documented, unknown_type
from plaudit.api.schemas.endpoints import KeyBody, KeyOut
from plaudit.api.schemas.event_bodies import EventTypeDetail, EventTypeOut
from plaudit.events.catalogue import CATALOGUE, UnknownEventType, lookup
from plaudit.events.decoding import EventDecoder
from plaudit.events.encoding import encode
from plaudit.events.examples import example
from plaudit.events.rendering import render
from plaudit.store.access.api_keys import Scope

router = APIRouter(prefix="/v1")


@router.get("/event-types", tags=["catalogue"], responses=documented())
def list_event_types(who: Reading) -> list[EventTypeOut]:
    """List the event types with their descriptions."""
    del who
    return [
        EventTypeOut(type=each.name, about=str(each.entity), description=str(each.schema["doc"]))
        for each in CATALOGUE.values()
    ]


@router.get(
    "/event-types/{name}",
    tags=["catalogue"],
    response_model=EventTypeDetail,
    responses=documented(404),
)
def show_event_type(who: Reading, name: str) -> EventTypeDetail:
    """Show an event type: its Avro schema, and an example as subscribers receive it."""
    del who
    try:
        found = lookup(name)
    except UnknownEventType as error:
        raise Refused(404, unknown_type(error)) from None
    shown = render(EventDecoder().decode(encode(example(name))))
    return EventTypeDetail(type=name, schema=found.schema, example=orjson.loads(shown))


@router.get("/keys", tags=["keys"], responses=documented())
def list_keys(
    services: WithServices, who: Writing, workspace_id: UUID | None = None
) -> list[KeyOut]:
    """List keys, with their last characters; for keys that may write."""
    wanted = who.reads(None if workspace_id is None else str(workspace_id))
    return [KeyOut.of(each) for each in services.keys.list(wanted)]


@router.post("/keys", tags=["keys"], status_code=201, responses=documented())
def create_key(
    services: WithServices, who: Writing, idempotency: WithIdempotency, body: KeyBody
) -> KeyOut:
    """Create a key, shown only once; a workspace key creates keys of its workspace only."""
    asked = None if body.workspace_id is None else str(body.workspace_id)
    if body.scope is Scope.ADMIN:
        if who.key.scope is not Scope.ADMIN:
            raise Refused(403, "only an admin key can create an admin key", field="scope")
        workspace = asked
    else:
        workspace = who.writes(asked)
        services.quotas.check_key(workspace, idempotency)
    key, text = services.keys.create(body.scope, workspace, body.name, idempotency)
    return KeyOut.of(key, text)


@router.delete("/keys/{key_id}", tags=["keys"], responses=documented(404))
def revoke_key(services: WithServices, who: Writing, key_id: UUID) -> KeyOut:
    """Revoke a key, with immediate effect."""
    return KeyOut.of(services.keys.revoke(str(key_id), who.key.workspace_id))
