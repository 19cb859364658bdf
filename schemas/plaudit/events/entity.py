"""What events are about."""

from __future__ import annotations

from enum import StrEnum


class Entity(StrEnum):
    """What an event is about; each entity has a topic of its own, keyed by the entity's id."""

    TESTIMONIALS = "testimonials"
    FORMS = "forms"
    CUSTOMERS = "customers"
    SPACES = "spaces"
