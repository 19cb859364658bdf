"""Events of the topic `testimonials`.

Generated from the schemas by `python -m plaudit.events.generate`; not to be edited.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from plaudit.events import rules
from plaudit.events.base import Flag, Id, Int32, Text
from plaudit.events.models.enums import DeletionReason, SourceChange, UnpublishReason
from plaudit.events.models.event import EventModel
from plaudit.events.models.records import MediaAsset, Placement, Reply, Source, Testimonial


class TestimonialSubmitted(EventModel):
    """A new testimonial came in through a form, the API or by hand and waits for moderation.

    Imported ones fire review.imported instead, never both.
    """

    type_name: ClassVar[str] = "testimonial.submitted"

    testimonial: Testimonial
    """The testimonial as it is after the event."""


class TestimonialUpdated(EventModel):
    """A testimonial was changed after it had been submitted; copies of it must follow."""

    type_name: ClassVar[str] = "testimonial.updated"

    testimonial: Testimonial
    """The testimonial as it is after the event."""

    changed_fields: tuple[Text, ...] = ()
    """Dotted paths of the changed fields, within the testimonial."""

    previous: dict[Text, Text | None] = Field(default_factory=dict)
    """What the changed fields held before, as text, by dotted path; null where there was nothing.

    Personal data is left out.
    """

    @model_validator(mode="after")
    def _previous_without_pii(self) -> Self:
        rules.previous_without_pii(self)
        return self


class TestimonialApproved(EventModel):
    """Moderation accepted a testimonial.

    It may be published now; testimonial.published reports that it is displayed.
    """

    type_name: ClassVar[str] = "testimonial.approved"

    testimonial: Testimonial
    """The testimonial as it is after the event."""

    approved_by: Text | None = None
    """Opaque id of the member or the rule that approved it."""

    auto: Flag = False
    """True: a rule approved it, without a person."""


class TestimonialRejected(EventModel):
    """Moderation turned a testimonial down.

    The reason is kept as evidence that reviews are not suppressed for being negative.
    """

    type_name: ClassVar[str] = "testimonial.rejected"

    testimonial_id: Id
    """The testimonial; the key of its records in Kafka."""

    reason_code: Text
    """Why; an open set: spam, off_topic, abusive, not_a_customer, duplicate, ..."""

    note: Annotated[Text, Field(max_length=10_000)] | None = None
    """The moderator's remark, at most 10,000 characters."""


class TestimonialPublished(EventModel):
    """A testimonial is on display. Only one whose consent is GRANTED can be published."""

    type_name: ClassVar[str] = "testimonial.published"

    testimonial: Testimonial
    """The testimonial as it is after the event."""

    public_url: Text
    """Its public page."""

    placements: tuple[Placement, ...] = ()
    """All the places that display it now."""

    @model_validator(mode="after")
    def _consent_granted(self) -> Self:
        rules.consent_granted(self)
        return self


class TestimonialUnpublished(EventModel):
    """A testimonial was taken off display; lower your counters and remove your copies."""

    type_name: ClassVar[str] = "testimonial.unpublished"

    testimonial_id: Id
    """The testimonial; the key of its records in Kafka."""

    reason: UnpublishReason
    """Why."""

    placements: tuple[Placement, ...] = ()
    """The places that displayed it until now."""


class TestimonialDeleted(EventModel):
    """A testimonial was deleted; delete your copies. Carries none of its content."""

    type_name: ClassVar[str] = "testimonial.deleted"

    testimonial_id: Id
    """The testimonial; the key of its records in Kafka."""

    was_published: Flag
    """True: it was on display until now."""

    reason: DeletionReason
    """Why."""


class TestimonialTagsChanged(EventModel):
    """The labels of a testimonial changed."""

    type_name: ClassVar[str] = "testimonial.tags_changed"

    testimonial_id: Id
    """The testimonial; the key of its records in Kafka."""

    tags: tuple[Text, ...] = ()
    """All its labels now."""

    added: tuple[Text, ...] = ()
    """Those that it did not have before."""

    removed: tuple[Text, ...] = ()
    """Those that it no longer has."""


class TestimonialMediaProcessed(EventModel):
    """A picture, video or recording was processed: it is ready, or it failed."""

    type_name: ClassVar[str] = "testimonial.media_processed"

    testimonial_id: Id
    """The testimonial; the key of its records in Kafka."""

    media: MediaAsset
    """The file; READY with its URLs, or FAILED."""

    error_code: Text | None = None
    """Why it failed; an open set: unsupported_codec, too_long, corrupt, ..."""


class TestimonialTranscribed(EventModel):
    """A video or a recording was transcribed.

    A link, not the text itself: transcripts are long and personal.
    """

    type_name: ClassVar[str] = "testimonial.transcribed"

    testimonial_id: Id
    """The testimonial; the key of its records in Kafka."""

    media_id: Id
    """The video or recording."""

    language: Text
    """Language of the transcript as a BCP 47 tag."""

    transcript_url: Text
    """Where the transcript can be fetched; may expire."""

    excerpt: Annotated[Text, Field(max_length=1_000)] | None = None
    """Its beginning, at most 1,000 characters."""

    word_count: Annotated[Int32, Field(ge=0)]
    """Number of words in the transcript."""


class TestimonialReplied(EventModel):
    """Someone replied to a testimonial, here or at its source."""

    type_name: ClassVar[str] = "testimonial.replied"

    testimonial_id: Id
    """The testimonial; the key of its records in Kafka."""

    reply: Reply
    """The answer."""


class ReviewImported(EventModel):
    """A review was fetched from another platform. Takes the place of testimonial.submitted."""

    type_name: ClassVar[str] = "review.imported"

    testimonial: Testimonial
    """The testimonial as it is after the event."""

    import_id: Id
    """The import that brought it; import.completed reports its end."""

    is_backfill: Flag
    """True for a review that existed when the source was connected.

    Skip those to receive new reviews only.
    """

    duplicate_of: Id | None = None
    """The testimonial that it repeats, when it repeats one."""


class ReviewSourceChanged(EventModel):
    """An imported review was edited, removed or restored on the platform that it came from."""

    type_name: ClassVar[str] = "review.source_changed"

    testimonial_id: Id
    """The testimonial; the key of its records in Kafka."""

    change: SourceChange
    """What happened there."""

    source: Source
    """Its source, as it is now."""
