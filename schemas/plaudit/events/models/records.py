"""Records that events are made of.

Generated from the schemas by `python -m plaudit.events.generate`; not to be edited.
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from plaudit.events import rules
from plaudit.events.base import Decimal2, Flag, Id, Int32, Int64, RecordModel, Text, Timestamp
from plaudit.events.ids import new_event_id, utc_now
from plaudit.events.models.enums import (
    ActorKind,
    ConsentState,
    ContentKind,
    MediaKind,
    MediaStatus,
    ReplyAuthorKind,
    ReplyVisibility,
    SourceChannel,
    Status,
)


class Actor(RecordModel):
    """Who caused an event."""

    kind: ActorKind
    """Kind of actor."""

    id: Text | None = None
    """Opaque id of the member, API key or importer; never a name or an e-mail address."""


class Answer(RecordModel):
    """One answer in a form."""

    field_id: Text
    """Id of the question, stable over versions of the form."""

    label: Text
    """The question as it was asked."""

    type: Text
    """Kind of the question; an open set: short_text, long_text, rating, email, choice, file, ..."""

    value: Annotated[Text, Field(max_length=10_000)]
    """The answer as text, at most 10,000 characters.

    Several choices are separated by line feeds.
    """

    pii: Flag
    """Whether the question asks for personal data; then keep the answer out of chats and logs."""


class Consent(RecordModel):
    """The customer's permission to use a testimonial."""

    state: ConsentState
    """Whether it is given."""

    scopes: tuple[Text, ...] = ()
    """What it covers; an open set: website, ads, social, name, photo, ..."""

    text_version: Text | None = None
    """Version of the wording that the customer agreed to."""

    obtained_at: Timestamp | None = None
    """When it was given."""

    evidence_url: Text | None = None
    """Where the proof is kept; needs a login."""


class MediaAsset(RecordModel):
    """A media file of a testimonial."""

    media_id: Id
    """Id of the file."""

    kind: MediaKind
    """What the file is."""

    status: MediaStatus
    """Whether it can be shown; the URLs exist once it is READY."""

    url: Text | None = None
    """Where the file can be fetched; may expire."""

    thumbnail_url: Text | None = None
    """A still image of it."""

    duration_ms: Annotated[Int64, Field(ge=0)] | None = None
    """Length of a video or a recording in milliseconds."""


class Content(RecordModel):
    """What the customer said."""

    kind: ContentKind
    """The leading form: a video with a caption is a VIDEO."""

    title: Text | None = None
    """Headline."""

    text: Annotated[Text, Field(max_length=10_000)] | None = None
    """The words, plain text, at most 10,000 characters."""

    language: Text | None = None
    """Language of the words as a BCP 47 tag."""

    media: tuple[MediaAsset, ...] = ()
    """Pictures, videos and recordings, in display order."""


class Customer(RecordModel):
    """The author of a testimonial."""

    customer_id: Id
    """Random id of the author; stands for them where personal data is left out.

    Never derived from an e-mail address.
    """

    name: Text | None = None
    """Name as it is displayed."""

    email: Text | None = None
    """E-mail address; for contact, never for display."""

    avatar_url: Text | None = None
    """Picture of the author."""

    company: Text | None = None
    """Company the author speaks for."""

    job_title: Text | None = None
    """The author's position there."""

    profile_url: Text | None = None
    """The author's public profile."""

    is_anonymous: Flag = False
    """True: display neither the name nor the picture."""


class EventMeta(RecordModel):
    """What every event carries."""

    event_id: Id = Field(default_factory=new_event_id)
    """Unique id of the event; the same over retries, redrives and replays.

    It is ce_id in Kafka and webhook-id in a delivery: drop duplicates by it.
    """

    workspace_id: Id
    """The tenant whose event it is; only endpoints of this workspace receive it."""

    space_id: Id
    """The space, a collection of testimonials within the workspace, where it happened."""

    occurred_at: Timestamp = Field(default_factory=utc_now)
    """When it happened, UTC, in microseconds since 1970.

    The timestamp of the webhook's envelope.
    """

    sequence: Int64
    """Grows with every event of the same subject (testimonial, form response, customer or space).

    Of two events the one with the higher sequence is the later one, in whatever order they arrive.
    """

    correlation_id: Id | None = None
    """Shared by all events of one action: a completed form, and the testimonial made from it."""

    actor: Actor
    """Who caused the event."""


class Form(RecordModel):
    """The form that was filled in."""

    form_id: Id
    """Id of the form."""

    name: Text
    """Name of the form, as the workspace calls it."""

    version: Annotated[Int32, Field(ge=0)]
    """Version of the form; its questions differ from one to the next."""


class Placement(RecordModel):
    """A place where a testimonial is displayed."""

    kind: Text
    """What displays it; an open set: widget, wall, page, social_post, ..."""

    id: Text
    """Id of the widget, wall, page or post."""

    url: Text | None = None
    """Where it can be seen."""


class Rating(RecordModel):
    """A rating as it was given, on the scale of its source; never converted."""

    value: Annotated[Decimal2, Field(ge=0, max_digits=4)]
    """The rating, two decimals, from 0 to scale_max."""

    scale_max: Annotated[Int32, Field(ge=1)]
    """The best rating that the scale allows: 5, 10, ..."""

    @model_validator(mode="after")
    def _rating_within_scale(self) -> Self:
        rules.rating_within_scale(self)
        return self


class Reply(RecordModel):
    """A reply to a testimonial."""

    reply_id: Text
    """Id of the reply, ours or that of the review platform."""

    text: Annotated[Text, Field(max_length=10_000)]
    """The words, plain text, at most 10,000 characters."""

    author_kind: ReplyAuthorKind
    """Who wrote it."""

    visibility: ReplyVisibility
    """Who can read it."""

    at: Timestamp
    """When it was written."""


class Source(RecordModel):
    """Where a testimonial came from."""

    channel: SourceChannel
    """How it reached the platform."""

    platform: Text = "direct"
    """Platform that it was written on, lower case.

    An open set: direct, google, trustpilot, g2, capterra, ...
    """

    external_id: Text | None = None
    """Its id on that platform."""

    url: Text | None = None
    """Its page on that platform."""

    form_id: Id | None = None
    """The form that collected it."""

    originally_at: Timestamp | None = None
    """When it was written there; years before occurred_at for an imported review."""


class Testimonial(RecordModel):
    """A testimonial as it is after the event: a snapshot, not a difference."""

    testimonial_id: Id
    """Id of the testimonial; the key of its records in Kafka."""

    status: Status
    """Where it stands in moderation and publication."""

    content: Content
    """What the customer said."""

    customer: Customer
    """Who said it."""

    rating: Rating | None = None
    """The rating that came with it."""

    source: Source
    """Where it came from."""

    consent: Consent
    """The customer's permission to use it."""

    tags: tuple[Text, ...] = ()
    """Labels that the workspace gave it."""

    is_verified: Flag = False
    """True: the platform or the source has verified that the author is a customer."""

    is_incentivized: Flag = False
    """True: the author was promised something for it, which must be disclosed."""

    public_url: Text | None = None
    """Its public page, when it has one."""

    created_at: Timestamp
    """When it came to the platform."""

    updated_at: Timestamp
    """When it was last changed."""
