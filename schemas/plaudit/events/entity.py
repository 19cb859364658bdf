"""Entities of events."""

from __future__ import annotations

from enum import StrEnum


class Entity(StrEnum):
    """The subject matter of an event. Each entity has its own topic, keyed by the entity's id."""

    TESTIMONIALS = "testimonials"
    FORMS = "forms"
    CUSTOMERS = "customers"
    SPACES = "spaces"
