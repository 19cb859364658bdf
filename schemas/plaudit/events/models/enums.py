"""Closed sets of values that events use.

Generated from the schemas by `python -m plaudit.events.generate`; not to be edited.
"""

from __future__ import annotations

from plaudit.events.base import Symbol


class ActorKind(Symbol):
    """Who causes events. UNKNOWN: a kind that this version of the schema does not know."""

    UNKNOWN = "UNKNOWN"
    CUSTOMER = "CUSTOMER"
    MEMBER = "MEMBER"
    SYSTEM = "SYSTEM"
    IMPORTER = "IMPORTER"
    API = "API"


class ConsentState(Symbol):
    """Whether the customer allows publication.

    UNKNOWN: a state that this version of the schema does not know; treat it as not granted.
    """

    UNKNOWN = "UNKNOWN"
    GRANTED = "GRANTED"
    WITHDRAWN = "WITHDRAWN"
    NOT_ASKED = "NOT_ASKED"
    EXPIRED = "EXPIRED"


class ContentKind(Symbol):
    """The leading form of a testimonial's content.

    UNKNOWN: a kind that this version of the schema does not know.
    """

    UNKNOWN = "UNKNOWN"
    TEXT = "TEXT"
    VIDEO = "VIDEO"
    AUDIO = "AUDIO"
    IMAGE = "IMAGE"


class DeletionReason(Symbol):
    """Why a testimonial was deleted.

    UNKNOWN: a reason that this version of the schema does not know.
    """

    UNKNOWN = "UNKNOWN"
    MANUAL = "MANUAL"
    ERASURE = "ERASURE"
    DUPLICATE = "DUPLICATE"
    SOURCE_REMOVED = "SOURCE_REMOVED"


class MediaKind(Symbol):
    """What a media file is. UNKNOWN: a kind that this version of the schema does not know."""

    UNKNOWN = "UNKNOWN"
    IMAGE = "IMAGE"
    VIDEO = "VIDEO"
    AUDIO = "AUDIO"


class MediaStatus(Symbol):
    """Whether a media file can be shown.

    UNKNOWN: a status that this version of the schema does not know.
    """

    UNKNOWN = "UNKNOWN"
    PROCESSING = "PROCESSING"
    READY = "READY"
    FAILED = "FAILED"


class ReplyAuthorKind(Symbol):
    """Who replies to a testimonial.

    UNKNOWN: a kind that this version of the schema does not know.
    """

    UNKNOWN = "UNKNOWN"
    MEMBER = "MEMBER"
    CUSTOMER = "CUSTOMER"
    PLATFORM = "PLATFORM"


class ReplyVisibility(Symbol):
    """Who can read a reply.

    UNKNOWN: a visibility that this version of the schema does not know; treat it as private.
    """

    UNKNOWN = "UNKNOWN"
    PUBLIC = "PUBLIC"
    PRIVATE = "PRIVATE"


class SourceChange(Symbol):
    """What happened to an imported review at its source.

    UNKNOWN: a change that this version of the schema does not know.
    """

    UNKNOWN = "UNKNOWN"
    EDITED = "EDITED"
    REMOVED = "REMOVED"
    RESTORED = "RESTORED"


class SourceChannel(Symbol):
    """How a testimonial reached the platform.

    UNKNOWN: a channel that this version of the schema does not know.
    """

    UNKNOWN = "UNKNOWN"
    FORM = "FORM"
    API = "API"
    IMPORT = "IMPORT"
    MANUAL = "MANUAL"


class Status(Symbol):
    """Where a testimonial stands in moderation and publication.

    UNKNOWN: a status that this version of the schema does not know.
    """

    UNKNOWN = "UNKNOWN"
    PENDING = "PENDING"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    PUBLISHED = "PUBLISHED"
    UNPUBLISHED = "UNPUBLISHED"
    DELETED = "DELETED"


class UnpublishReason(Symbol):
    """Why a testimonial is no longer displayed.

    UNKNOWN: a reason that this version of the schema does not know.
    """

    UNKNOWN = "UNKNOWN"
    MANUAL = "MANUAL"
    CONSENT_WITHDRAWN = "CONSENT_WITHDRAWN"
    EXPIRED = "EXPIRED"
    SOURCE_REMOVED = "SOURCE_REMOVED"
