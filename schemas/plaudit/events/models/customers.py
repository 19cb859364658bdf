"""Events of the topic `customers`.

Generated from the schemas by `python -m plaudit.events.generate`; not to be edited.
"""

from __future__ import annotations

from typing import ClassVar

from plaudit.events.base import Id, Text, Timestamp
from plaudit.events.models.event import EventModel
from plaudit.events.models.records import Consent


class ConsentGranted(EventModel):
    """A customer extended consent: permission for a review imported earlier, or a wider scope."""

    type_name: ClassVar[str] = "consent.granted"

    customer_id: Id
    """The customer; the key of their records in Kafka."""

    testimonial_ids: tuple[Id, ...] = ()
    """The testimonials that it applies to."""

    consent: Consent
    """The permission as it is now."""


class ConsentWithdrawn(EventModel):
    """A customer withdrew consent: stop displaying these testimonials.

    testimonial.unpublished follows for each that is on display, with the same correlation_id.
    """

    type_name: ClassVar[str] = "consent.withdrawn"

    customer_id: Id
    """The customer; the key of their records in Kafka."""

    testimonial_ids: tuple[Id, ...] = ()
    """The testimonials that it applies to."""

    withdrawn_scopes: tuple[Text, ...] = ()
    """What is no longer allowed; an open set: website, ads, social, name, photo, ..."""

    effective_at: Timestamp
    """Time from which it applies."""


class CustomerErased(EventModel):
    """A customer must be forgotten: erase your copies of all their data.

    Sent to every endpoint that ever received any of it, whatever it subscribes to. Carries no
    personal data.
    """

    type_name: ClassVar[str] = "customer.erased"

    customer_id: Id
    """The customer; the key of their records in Kafka."""

    testimonial_ids: tuple[Id, ...] = ()
    """Their testimonials."""

    request_id: Id
    """Id of the request for erasure; quote it when you confirm."""

    deadline_at: Timestamp
    """When all copies must be gone."""

    legal_basis: Text
    """Legal ground; an open set: gdpr_art_17, ccpa_1798_105, contract, ..."""
