"""The base of all events."""

from __future__ import annotations

from typing import ClassVar

from plaudit.events.base import RecordModel
from plaudit.events.models.records import EventMeta


class EventModel(RecordModel):
    """One event. Build a subclass, such as `TestimonialApproved`, and hand it to a publisher."""

    type_name: ClassVar[str]
    """The event type, such as `testimonial.approved`."""

    meta: EventMeta
    """What every event carries: its id, whose it is, when and by whom."""
