"""Events of the topic `spaces`.

Generated from the schemas by `python -m plaudit.events.generate`; not to be edited.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from plaudit.events import rules
from plaudit.events.base import Decimal2, Id, Int32, Int64, Text, Timestamp
from plaudit.events.models.event import EventModel


class ImportCompleted(EventModel):
    """An import ended.

    One event for the entire import; each review has a review.imported of its own. Keyed by the
    space.
    """

    type_name: ClassVar[str] = "import.completed"

    import_id: Id
    """The import."""

    platform: Text
    """Platform that it read, lower case; an open set: google, trustpilot, g2, csv, ..."""

    imported: Annotated[Int32, Field(ge=0)]
    """Reviews that were imported."""

    skipped: Annotated[Int32, Field(ge=0)]
    """Reviews that existed already or were filtered out."""

    failed: Annotated[Int32, Field(ge=0)]
    """Reviews that could not be read."""

    started_at: Timestamp
    """When it began."""

    finished_at: Timestamp
    """When it ended."""

    @model_validator(mode="after")
    def _finished_after_started(self) -> Self:
        rules.finished_after_started(self)
        return self


class SpaceStatsChanged(EventModel):
    """The totals of a space, which is meta.space_id.

    They are absolute, so a repeated or late event does no harm: keep those with the highest
    as_of_sequence. Keyed by the space.
    """

    type_name: ClassVar[str] = "space.stats_changed"

    published_count: Annotated[Int64, Field(ge=0)]
    """Testimonials on display."""

    rating_count: Annotated[Int64, Field(ge=0)]
    """Number of ratings in rating_sum."""

    rating_sum: Annotated[Decimal2, Field(ge=0, max_digits=12)]
    """Sum of the ratings, on the scale that the space displays.

    Divided by rating_count it is the mean.
    """

    by_platform: dict[Text, Int64] = Field(default_factory=dict)
    """Testimonials on display by platform."""

    as_of_sequence: Int64
    """Grows with every recount of the space."""
