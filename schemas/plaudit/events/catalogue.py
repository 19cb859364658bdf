"""The catalogue: every event type with its record, schema, model, topic and key."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from importlib.resources import files
from operator import attrgetter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from plaudit.events.catalogue_table import TABLE
from plaudit.events.entity import Entity
from plaudit.events.fingerprints import FINGERPRINTS
from plaudit.events.ids import id_text

if TYPE_CHECKING:
    # Consumers decode without models: importing pydantic would triple their start-up.
    from plaudit.events.models.event import EventModel

NAMESPACE: Final = "plaudit.events.v1"


class UnknownEventType(LookupError):
    """The event type does not exist.

    Attributes:
        name: the requested name.
        close: known types with a similar name.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.close = tuple(difflib.get_close_matches(name, TABLE))
        close = f"did you mean {' or '.join(self.close)}?"
        hint = close if self.close else "see `plaudit schemas list`"
        super().__init__(f"unknown event type {name!r}: {hint}")


@dataclass(frozen=True)
class EventType:
    """An event type.

    Attributes:
        name: name such as `testimonial.approved`; `ce_type` in Kafka, `type` in a webhook.
        record: full name of its Avro record, and subject in a schema registry.
        entity: entity of the event; it determines the topic.
        key_path: path of the field that is the Kafka key and the `ce_subject`.
        fingerprint: CRC-64-AVRO of its schema, as in single-object encoding (8 bytes, little
            endian).
    """

    name: str
    record: str
    entity: Entity
    key_path: tuple[str, ...]
    fingerprint: bytes

    @cached_property
    def schema_json(self) -> str:
        """The self-contained schema as it is shipped and registered."""
        path = files("plaudit.events") / "avsc" / f"{self.name}.avsc"
        return path.read_text(encoding="utf-8")

    @cached_property
    def schema(self) -> Mapping[str, Any]:
        """The self-contained schema as parsed JSON; do not modify it."""
        schema: Mapping[str, Any] = json.loads(self.schema_json)
        return schema

    @cached_property
    def model(self) -> type[EventModel]:
        """The pydantic model of these events."""
        models = import_module("plaudit.events.models")
        model: type[EventModel] = getattr(models, self.record.rpartition(".")[2])
        return model

    def key_of(self, event: EventModel) -> bytes:
        """Return the Kafka key of an event of this type: an id in canonical form."""
        return id_text(self._key(event))

    @cached_property
    def _key(self) -> Callable[[EventModel], UUID]:
        return attrgetter(".".join(self.key_path))

    def __hash__(self) -> int:
        return hash(self.name)


def _event_type(name: str) -> EventType:
    record = "".join(word.capitalize() for word in name.replace(".", "_").split("_"))
    row = TABLE[name]
    return EventType(name, f"{NAMESPACE}.{record}", row.entity, row.key_path, FINGERPRINTS[name])


CATALOGUE: Final[Mapping[str, EventType]] = MappingProxyType(
    {name: _event_type(name) for name in TABLE}
)
"""Every event type by its name."""

BY_RECORD: Final[Mapping[str, EventType]] = MappingProxyType(
    {event_type.record: event_type for event_type in CATALOGUE.values()}
)
"""Every event type by the full name of its record."""


def lookup(name: str) -> EventType:
    """Return the event type with this name.

    Raises:
        UnknownEventType: the type does not exist; the error suggests similar names.
    """
    found = CATALOGUE.get(name)
    if found is None:
        raise UnknownEventType(name)
    return found


def type_of(event: EventModel) -> EventType:
    """Return the type of an event.

    Raises:
        TypeError: the object is not an event model.
    """
    if isinstance(event, type) or getattr(event, "type_name", None) not in CATALOGUE:
        kind = f"the class {event.__name__}" if isinstance(event, type) else type(event).__name__
        msg = f"an event model such as TestimonialApproved(…) is needed, not {kind}"
        raise TypeError(msg)
    return CATALOGUE[event.type_name]
