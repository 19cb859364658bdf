"""Names of columns, and the fields of a review that they are recognized as."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "external_id": ("id", "review id", "reviewid", "external id", "uuid"),
    "text": (
        "review",
        "review text",
        "review content",
        "review body",
        "content",
        "body",
        "comment",
        "testimonial",
        "message",
        "feedback",
    ),
    "title": ("review title", "headline", "subject"),
    "rating": ("stars", "score", "star rating", "review rating", "review score", "review stars"),
    "rating_scale": ("scale", "max rating", "best rating"),
    "language": ("lang", "locale", "review language"),
    "customer_name": (
        "name",
        "author",
        "author name",
        "reviewer",
        "reviewer name",
        "customer",
        "display name",
        "reviewer display name",
        "nickname",
    ),
    "customer_email": ("email", "e-mail", "reviewer email", "author email"),
    "customer_company": ("company", "company name", "organization", "organisation"),
    "customer_job_title": ("job title", "position", "role"),
    "customer_avatar_url": ("avatar", "avatar url", "photo", "image url"),
    "customer_profile_url": ("profile", "profile url", "reviewer url"),
    "platform": ("source", "channel", "site"),
    "url": ("link", "review url", "review link", "permalink"),
    "originally_at": (
        "date",
        "created",
        "created at",
        "date created",
        "create time",
        "published at",
        "review date",
        "time",
    ),
    "tags": ("labels",),
    "consent": ("consent state", "permission"),
    "is_verified": ("verified", "verified purchase", "verified buyer", "is verified buyer"),
    "is_incentivized": ("incentivized", "incentivised"),
}
"""Fields of a review, and the column names that are recognized for each."""

_SEPARATORS: Final = re.compile(r"[\s_\-.]+")
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_WEIGHTS: Final = {"rating": 4, "text": 2, "customer_name": 1, "originally_at": 1}


def plain(name: str) -> str:
    """Return a name in the form that is compared: `starRating` and `Star_rating` are equal."""
    return _SEPARATORS.sub(" ", _CAMEL.sub(" ", name)).strip().lower()


def recognized(names: Iterable[str], taken: Iterable[str] = ()) -> dict[str, str]:
    """Return the column of each field whose name or alias is among these.

    Args:
        names: columns.
        taken: columns with another meaning.
    """
    other = {*taken}
    free: dict[str, str] = {}
    for name in names:
        if name not in other:
            free.setdefault(plain(name), name)
    found: dict[str, str] = {}
    for field, aliases in FIELDS.items():
        for alias in (field, *aliases):
            if field not in found and plain(alias) in free:
                found[field] = free.pop(plain(alias))
    return found


def review_weight(names: Iterable[str]) -> int:
    """Return how closely objects with these names resemble reviews; 0 means not at all."""
    fields = recognized(names).keys()
    if not fields & {"rating", "text"}:
        return 0
    return sum(weight for field, weight in _WEIGHTS.items() if field in fields)
