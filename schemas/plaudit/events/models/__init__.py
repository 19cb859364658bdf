"""Typed models of every event and of what events are made of.

Generated from the schemas by `python -m plaudit.events.generate`; not to be edited.
"""

from __future__ import annotations

from plaudit.events.models.customers import ConsentGranted, ConsentWithdrawn, CustomerErased
from plaudit.events.models.enums import (
    ActorKind,
    ConsentState,
    ContentKind,
    DeletionReason,
    MediaKind,
    MediaStatus,
    ReplyAuthorKind,
    ReplyVisibility,
    SourceChange,
    SourceChannel,
    Status,
    UnpublishReason,
)
from plaudit.events.models.event import EventModel
from plaudit.events.models.forms import FormAbandoned, FormCompleted
from plaudit.events.models.records import (
    Actor,
    Answer,
    Consent,
    Content,
    Customer,
    EventMeta,
    Form,
    MediaAsset,
    Placement,
    Rating,
    Reply,
    Source,
    Testimonial,
)
from plaudit.events.models.spaces import ImportCompleted, SpaceStatsChanged
from plaudit.events.models.testimonials import (
    ReviewImported,
    ReviewSourceChanged,
    TestimonialApproved,
    TestimonialDeleted,
    TestimonialMediaProcessed,
    TestimonialPublished,
    TestimonialRejected,
    TestimonialReplied,
    TestimonialSubmitted,
    TestimonialTagsChanged,
    TestimonialTranscribed,
    TestimonialUnpublished,
    TestimonialUpdated,
)

__all__ = [
    "Actor",
    "ActorKind",
    "Answer",
    "Consent",
    "ConsentGranted",
    "ConsentState",
    "ConsentWithdrawn",
    "Content",
    "ContentKind",
    "Customer",
    "CustomerErased",
    "DeletionReason",
    "EventMeta",
    "EventModel",
    "Form",
    "FormAbandoned",
    "FormCompleted",
    "ImportCompleted",
    "MediaAsset",
    "MediaKind",
    "MediaStatus",
    "Placement",
    "Rating",
    "Reply",
    "ReplyAuthorKind",
    "ReplyVisibility",
    "ReviewImported",
    "ReviewSourceChanged",
    "Source",
    "SourceChange",
    "SourceChannel",
    "SpaceStatsChanged",
    "Status",
    "Testimonial",
    "TestimonialApproved",
    "TestimonialDeleted",
    "TestimonialMediaProcessed",
    "TestimonialPublished",
    "TestimonialRejected",
    "TestimonialReplied",
    "TestimonialSubmitted",
    "TestimonialTagsChanged",
    "TestimonialTranscribed",
    "TestimonialUnpublished",
    "TestimonialUpdated",
    "UnpublishReason",
]
