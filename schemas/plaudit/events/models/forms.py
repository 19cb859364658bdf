"""Events of the topic `forms`.

Generated from the schemas by `python -m plaudit.events.generate`; not to be edited.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from plaudit.events.base import Id, Int32, Text, Timestamp
from plaudit.events.models.event import EventModel
from plaudit.events.models.records import Answer, Form


class FormCompleted(EventModel):
    """A visitor submitted a form.

    If it becomes a testimonial, testimonial.submitted follows with the same correlation_id.
    """

    type_name: ClassVar[str] = "form.completed"

    form: Form
    """The form."""

    response_id: Id
    """The response; the key of its records in Kafka."""

    testimonial_id: Id | None = None
    """The testimonial made from it; null if none was made, or not yet."""

    answers: tuple[Answer, ...] = ()
    """The answers, in the order of the form."""

    hidden: dict[Text, Text] = Field(default_factory=dict)
    """Values that the link to the form carried, by name; they may be personal."""

    landed_at: Timestamp | None = None
    """When the visitor opened the form."""

    submitted_at: Timestamp
    """When the visitor submitted it."""


class FormAbandoned(EventModel):
    """A visitor began a form and did not submit it."""

    type_name: ClassVar[str] = "form.abandoned"

    form: Form
    """The form."""

    response_id: Id
    """The response; the key of its records in Kafka."""

    last_field_id: Text | None = None
    """The last question that was answered."""

    answered: Annotated[Int32, Field(ge=0)]
    """Number of questions that were answered."""

    answers: tuple[Answer, ...] = ()
    """The answers so far; empty unless the visitor passed the form's consent step."""

    landed_at: Timestamp
    """When the visitor opened the form."""
