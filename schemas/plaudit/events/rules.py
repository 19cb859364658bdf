"""Rules between fields that Avro can't express; a schema names the rules that apply to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from pydantic_core import InitErrorDetails, PydanticCustomError, ValidationError

if TYPE_CHECKING:
    # The models import these rules: importing the models at run time would be a cycle.
    from plaudit.events.models import (
        ImportCompleted,
        Rating,
        TestimonialPublished,
        TestimonialUpdated,
    )

PERSONAL = frozenset(
    {"customer.name", "customer.email", "customer.avatar_url", "customer.profile_url"}
)


def consent_granted(event: TestimonialPublished) -> None:
    """Only a testimonial whose consent is GRANTED is published (GDPR article 7)."""
    if event.testimonial.consent.state != "GRANTED":
        _refuse(
            ("testimonial", "consent", "state"),
            "consent_required",
            "a testimonial can be published only when its consent is GRANTED",
        )


def rating_within_scale(rating: Rating) -> None:
    """A rating must lie on its own scale."""
    if rating.value > rating.scale_max:
        _refuse(("value",), "rating_above_scale", "a rating can't be above its scale_max")


def previous_without_pii(event: TestimonialUpdated) -> None:
    """Old values of personal fields must not be copied: erasure would have to find them."""
    for path in event.previous:
        if path.removeprefix("testimonial.") in PERSONAL:
            _refuse(
                ("previous", path),
                "personal_data",
                "previous values leave out personal data; name the field in changed_fields only",
            )


def finished_after_started(event: ImportCompleted) -> None:
    """An import ends after it starts."""
    if event.finished_at < event.started_at:
        _refuse(("finished_at",), "time_order", "finished_at is before started_at")


def _refuse(loc: tuple[str, ...], kind: str, text: str) -> NoReturn:
    """Raise an error that names the field; a plain ValueError in a validator does not."""
    # The text has no placeholders; both arguments are literal strings at every call.
    problem = PydanticCustomError(kind, text)
    details = [InitErrorDetails(type=problem, loc=loc, input=None)]
    title = "rule"
    raise ValidationError.from_exception_data(title, details)
