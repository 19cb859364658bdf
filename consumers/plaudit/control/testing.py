"""Test sends: a signed example event for one endpoint."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

from plaudit.deliver.model.attempted import Attempted
from plaudit.deliver.pipeline.attempt import Attempter, RequestContent
from plaudit.endpoints.filters import known_filter
from plaudit.endpoints.keys import CannotOpen, SecretKeys
from plaudit.endpoints.model import Endpoint
from plaudit.endpoints.opening import open_endpoint
from plaudit.events.catalogue import CATALOGUE
from plaudit.events.decoding import Event, EventDecoder
from plaudit.events.encoding import encode
from plaudit.events.examples import example
from plaudit.events.ids import new_event_id
from plaudit.events.rendering import render
from plaudit.formats.shape import SOURCE, Rendered, Shape
from plaudit.records.names import Trigger
from plaudit.records.times import time_text, wall_ms
from plaudit.store.endpoints.idempotency_seed import IdempotencySeed
from plaudit.store.endpoints.rows import StoredEndpoint, record_of
from plaudit.transport.answer import Answer
from plaudit.transport.sender import Sender

_PREFERRED: Final = ("testimonial.approved", "testimonial.submitted")
"""Types to try first for an endpoint that subscribes to all."""


@dataclass(frozen=True, slots=True)
class Tested:
    """Result of a test send.

    Attributes:
        message_id: its `webhook-id`.
        body: body of the request.
        matches: whether the endpoint's filter accepts the event.
    """

    message_id: str
    event_type: str
    body: str
    attempted: Attempted
    matches: bool

    @property
    def succeeded(self) -> bool:
        """Whether the response was 2xx."""
        status = self.attempted.status
        return status is not None and status // 100 == 2  # noqa: PLR2004 - the class of success

    @property
    def answer(self) -> str | None:
        """The first bytes of the response."""
        outcome = self.attempted.outcome
        return outcome.snippet.decode("utf-8", "replace") if isinstance(outcome, Answer) else None


async def send_test(
    stored: StoredEndpoint,
    event_type: str | None,
    keys: SecretKeys,
    sender: Sender,
    idempotency: IdempotencySeed | None = None,
) -> Tested:
    """Send an example now, even to a disabled endpoint; it is neither retried nor logged.

    The request has the header `plaudit-test: true`.

    Args:
        stored: the endpoint.
        event_type: event type of the example; None chooses a subscribed one.
        keys: keys that decrypt the endpoint's secret.
        sender: HTTP client.
        idempotency: seed of an idempotent request; a repetition has the same `webhook-id`.

    Raises:
        UnknownEventType: the event type does not exist.
        CannotOpen: the key for the endpoint's secret is missing, or its record is damaged.
    """
    endpoint = open_endpoint(record_of(stored), keys)
    if not isinstance(endpoint, Endpoint):
        keys.open(stored.endpoint_id, stored.sealed)  # raises if the key is missing
        reason = "damaged"
        raise CannotOpen(reason, stored.sealed.key_id)
    event, matches = _example_for(stored, event_type)
    if idempotency is not None:
        event = event._replace(event_id=idempotency.uuid("test"))
    content = _content(event, endpoint)
    attempted = await Attempter(sender).send(content, endpoint)
    return Tested(content.message_id, event.type, content.body.decode(), attempted, matches)


def _example_for(stored: StoredEndpoint, event_type: str | None) -> tuple[Event, bool]:
    """Return an example for an endpoint, and whether its filter accepts the example.

    It chooses the first subscribed type whose example the filter accepts.

    Raises:
        UnknownEventType: the event type does not exist.
    """
    own = [*stored.event_types] or [
        *_PREFERRED,
        *(each for each in CATALOGUE if each not in _PREFERRED),
    ]
    wants = known_filter(stored.content_filter)
    types = [event_type] if event_type else own
    for each in types:
        example_event = _for_endpoint(stored, each)
        if wants is None or wants(example_event.data):
            return example_event, True
    return _for_endpoint(stored, types[0]), False


def _for_endpoint(stored: StoredEndpoint, event_type: str) -> Event:
    """Return an example with the current time, in a space of the endpoint."""
    event = sample(stored.workspace_id, event_type)._replace(timestamp=_now())
    if not stored.spaces:
        return event
    space = stored.spaces[0]
    return event._replace(space_id=space, data={**event.data, "space_id": space})


def _now() -> str:
    return time_text(wall_ms())


def sample(workspace_id: str | None, event_type: str) -> Event:
    """Return an example of an event type with a new id, and with a workspace if there is one.

    Raises:
        UnknownEventType: the event type does not exist.
    """
    decoded = _decoded(event_type)
    owner = workspace_id or decoded.workspace_id
    data = {**decoded.data, "workspace_id": owner}
    return decoded._replace(event_id=str(new_event_id()), workspace_id=owner, data=data)


@cache
def _decoded(event_type: str) -> Event:
    """Return the example as decoded from Kafka; cached, because building one takes 2 ms."""
    return EventDecoder().decode(encode(example(event_type)))


def written_as(shape: Shape | None, event: Event) -> Rendered:
    """Return the body in a payload format; None means the standard format."""
    return Rendered(render(event)) if shape is None else shape.render(event, SOURCE)


def _content(event: Event, endpoint: Endpoint) -> RequestContent:
    rendered = written_as(endpoint.shape, event)
    write = None if endpoint.shape is None else lambda: rendered
    return RequestContent(event.event_id, rendered.body, Trigger.TEST, write)
