"""Stream of sample events, as a testimonial platform would publish.

The same seed gives the same stories, with new ids and times.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from plaudit.events.examples import example
from plaudit.events.ids import new_event_id, utc_now
from plaudit.events.models.event import EventModel

FIRST: Final = ("Ada", "Bo", "Chidi", "Dana", "Elif", "Farid", "Greta", "Hiro", "Inés", "Jo")
LAST: Final = ("Andersen", "Brandt", "Costa", "Dubois", "Eze", "Fischer", "García", "Hughes")
COMPANIES: Final = ("Northwind Example", "Blue Kite Example", "Oak & Example", "Example Labs")
PRAISE: Final = (
    "We were live in a day.",
    "Support answered within minutes.",
    "Our landing page converts twice as well.",
    "It does one thing, and does it well.",
    "I recommend it to every team I meet.",
    "The import took a coffee break.",
)
TITLES: Final = ("Saved us a week", "Just works", "Would buy again", "A quiet hero", "Five stars")
PLATFORMS: Final = ("google", "trustpilot", "g2", "capterra")

_ASKED: Final = ("form.completed", "testimonial.submitted")
# Stories, and their frequency out of 20.
STORIES: Final[tuple[tuple[tuple[str, ...], int], ...]] = (
    ((*_ASKED, "testimonial.approved", "testimonial.published"), 8),
    ((*_ASKED, "testimonial.rejected"), 3),
    (("review.imported",), 5),
    (("testimonial.submitted", "testimonial.approved", "testimonial.published"), 2),
    (("testimonial.updated",), 1),
    (("form.abandoned",), 1),
)


def stream(workspace_id: str, seed: int = 1) -> Iterator[EventModel]:
    """Yield events forever; the events of a story share testimonial, customer and correlation."""
    dice = random.Random(seed)  # noqa: S311 - for variety, not for secrets
    workspace, space = uuid.UUID(workspace_id), uuid.uuid4()
    stories, weights = zip(*STORIES, strict=True)
    while True:
        [names] = dice.choices(stories, weights)
        yield from _story(names, _cast(dice), {"workspace_id": workspace, "space_id": space})


def _cast(dice: random.Random) -> dict[str, Any]:
    """Choose the customer, the texts and the other values of a story."""
    first, last = dice.choice(FIRST), dice.choice(LAST)
    handle = f"{first}.{last}".lower()
    return {
        "testimonial_id": uuid.uuid4(),
        "response_id": uuid.uuid4(),
        "correlation_id": uuid.uuid4(),
        "customer": {
            "customer_id": uuid.uuid4(),
            "name": f"{first} {last}",
            "email": f"{handle}@mail.example.com",
            "company": dice.choice(COMPANIES),
        },
        "content": {
            "title": dice.choice(TITLES),
            "text": " ".join(dice.sample(PRAISE, dice.randint(1, 4))),
        },
        "rating": {"value": Decimal(dice.randint(6, 10)) / 2, "scale_max": 5},
        "platform": dice.choice(PLATFORMS),
    }


def _story(
    names: tuple[str, ...], cast: dict[str, Any], where: dict[str, Any]
) -> Iterator[EventModel]:
    for sequence, name in enumerate(names, 1):
        made = example(name)
        moment = utc_now() + timedelta(microseconds=sequence)
        meta = made.meta.model_copy(
            update={
                **where,
                "event_id": new_event_id(),
                "occurred_at": moment,
                "sequence": sequence,
                "correlation_id": cast["correlation_id"],
            }
        )
        yield made.model_copy(update={"meta": meta, **_changes(made, cast)})


def _changes(made: EventModel, cast: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of an example that this story replaces."""
    changes: dict[str, Any] = {}
    for field in ("response_id", "testimonial_id"):
        if getattr(made, field, None) is not None:
            changes[field] = cast[field]
    testimonial = getattr(made, "testimonial", None)
    if testimonial is not None:
        changes["testimonial"] = testimonial.model_copy(
            update={
                "testimonial_id": cast["testimonial_id"],
                "customer": testimonial.customer.model_copy(update=cast["customer"]),
                "content": testimonial.content.model_copy(update=cast["content"]),
                "rating": testimonial.rating.model_copy(update=cast["rating"]),
                "source": testimonial.source.model_copy(update={"platform": cast["platform"]}),
            }
        )
    return changes
