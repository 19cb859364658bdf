"""Table of the event types: topic and key of each."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from plaudit.events.entity import Entity


class Row(NamedTuple):
    """Topic and key of one event type.

    Attributes:
        entity: entity of the event; it determines the topic.
        key_path: path of the field, from the record's root, that is the Kafka key.
    """

    entity: Entity
    key_path: tuple[str, ...]


_OF_SNAPSHOT: Final = Row(Entity.TESTIMONIALS, ("testimonial", "testimonial_id"))
_OF_TESTIMONIAL: Final = Row(Entity.TESTIMONIALS, ("testimonial_id",))
_OF_FORM: Final = Row(Entity.FORMS, ("response_id",))
_OF_CUSTOMER: Final = Row(Entity.CUSTOMERS, ("customer_id",))
_OF_SPACE: Final = Row(Entity.SPACES, ("meta", "space_id"))

TABLE: Final[Mapping[str, Row]] = MappingProxyType(
    {
        "testimonial.submitted": _OF_SNAPSHOT,
        "testimonial.updated": _OF_SNAPSHOT,
        "testimonial.approved": _OF_SNAPSHOT,
        "testimonial.rejected": _OF_TESTIMONIAL,
        "testimonial.published": _OF_SNAPSHOT,
        "testimonial.unpublished": _OF_TESTIMONIAL,
        "testimonial.deleted": _OF_TESTIMONIAL,
        "testimonial.tags_changed": _OF_TESTIMONIAL,
        "testimonial.media_processed": _OF_TESTIMONIAL,
        "testimonial.transcribed": _OF_TESTIMONIAL,
        "testimonial.replied": _OF_TESTIMONIAL,
        "review.imported": _OF_SNAPSHOT,
        "review.source_changed": _OF_TESTIMONIAL,
        "import.completed": _OF_SPACE,
        "form.completed": _OF_FORM,
        "form.abandoned": _OF_FORM,
        "consent.granted": _OF_CUSTOMER,
        "consent.withdrawn": _OF_CUSTOMER,
        "customer.erased": _OF_CUSTOMER,
        "space.stats_changed": _OF_SPACE,
    }
)
