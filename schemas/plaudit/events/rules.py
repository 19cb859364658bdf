"""Rules between fields that Avro can't express; a schema names the rules that apply to it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import NoReturn, Protocol

from pydantic_core import InitErrorDetails, PydanticCustomError, ValidationError

PERSONAL = frozenset(
    {"customer.name", "customer.email", "customer.avatar_url", "customer.profile_url"}
)


class HasState(Protocol):
    """A consent."""

    @property
    def state(self) -> str:
        """Whether it is given."""
        ...


class HasConsent(Protocol):
    """A testimonial."""

    @property
    def consent(self) -> HasState:
        """The customer's permission to use it."""
        ...


class HasTestimonial(Protocol):
    """An event about a testimonial."""

    @property
    def testimonial(self) -> HasConsent:
        """As it is now."""
        ...


class OnScale(Protocol):
    """A rating."""

    @property
    def value(self) -> Decimal:
        """As it was given."""
        ...

    @property
    def scale_max(self) -> int:
        """The best that its scale allows."""
        ...


class HasPrevious(Protocol):
    """An event about changed fields."""

    @property
    def previous(self) -> Mapping[str, str | None]:
        """Their values before, by path."""
        ...


class HasSpan(Protocol):
    """An event about work that took a while."""

    @property
    def started_at(self) -> datetime:
        """When it began."""
        ...

    @property
    def finished_at(self) -> datetime:
        """When it ended."""
        ...


def consent_granted(event: HasTestimonial) -> None:
    """Only a testimonial whose consent is GRANTED is published (GDPR article 7)."""
    if event.testimonial.consent.state != "GRANTED":
        _refuse(
            ("testimonial", "consent", "state"),
            "consent_required",
            "a testimonial can be published only when its consent is GRANTED",
        )


def rating_within_scale(rating: OnScale) -> None:
    """A rating must lie on its own scale."""
    if rating.value > rating.scale_max:
        _refuse(("value",), "rating_above_scale", "a rating can't be above its scale_max")


def previous_without_pii(event: HasPrevious) -> None:
    """Old values of personal fields must not be copied: erasure would have to find them."""
    for path in event.previous:
        if path.removeprefix("testimonial.") in PERSONAL:
            _refuse(
                ("previous", path),
                "personal_data",
                "previous values leave out personal data; name the field in changed_fields only",
            )


def finished_after_started(event: HasSpan) -> None:
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
