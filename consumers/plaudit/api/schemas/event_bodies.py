"""Bodies of `/v1/events` and of the catalogue, as in the OpenAPI document.

The parser of events does not use these models, and is several times faster. Every schema has a
name, because generators name classes after it.
"""

from __future__ import annotations

from typing import Any, Final

import orjson
from pydantic import BaseModel, ConfigDict, Field

from plaudit.api.event_parser import JSON, MOST_EVENTS
from plaudit.events.examples import example_json

_TYPE: Final = "testimonial.approved"
_SOURCE: Final = "/services/moderation"
_DATA: Final = orjson.loads(example_json(_TYPE))
_EVENT: Final = {"type": _TYPE, "source": _SOURCE, "data": _DATA}


class Accepted(BaseModel):
    """Events that the brokers have acknowledged."""

    accepted: int
    ids: list[str]


class EventTypeOut(BaseModel):
    """An event type."""

    type: str
    about: str = Field(description="Kind of the subject, such as `testimonial`.")
    description: str


class EventTypeDetail(BaseModel):
    """An event type with its Avro schema, and an example as subscribers receive it."""

    type: str
    avro: dict[str, Any] = Field(alias="schema", description="Avro schema of the event.")
    example: dict[str, Any] = Field(description="Body of a webhook in the format `standard`.")


class Sample(BaseModel):
    """An example payload; its fields depend on the format."""

    model_config = ConfigDict(extra="allow")


def _schema_ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


COMPONENTS: Final[dict[str, Any]] = {
    "Accepted": Accepted.model_json_schema(),
    "EventIn": {
        "title": "EventIn",
        "type": "object",
        "description": "An event to publish.",
        "required": ["type", "data"],
        "properties": {
            "type": {"type": "string", "description": "An event type."},
            "source": {"type": "string", "description": "URI of the publishing service."},
            "data": {
                "type": "object",
                "additionalProperties": True,
                "description": "The event; the catalogue has the Avro schema of its type.",
            },
        },
        "additionalProperties": False,
        "examples": [_EVENT],
    },
    "EventBatch": {
        "title": "EventBatch",
        "description": "Events to publish, all or none.",
        "type": "array",
        "items": _schema_ref("EventIn"),
        "minItems": 1,
        "maxItems": MOST_EVENTS,
    },
}
# Without the media types of CloudEvents: with them, openapi-python-client compares a body with a
# list's generic type, and no call of its client works.
REQUEST_BODY: Final[dict[str, Any]] = {
    "required": True,
    "content": {
        JSON: {
            "schema": {"anyOf": [_schema_ref("EventIn"), _schema_ref("EventBatch")]},
            "example": _EVENT,
        },
    },
}
ACCEPTED: Final[dict[str, Any]] = {
    "description": "The brokers have acknowledged the events.",
    "content": {JSON: {"schema": _schema_ref("Accepted")}},
}
