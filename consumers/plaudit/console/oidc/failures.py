"""Reasons why a sign-in with a provider fails, each with a remedy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class FailureReason(StrEnum):
    """Reasons, in the order of the steps."""

    UNREACHABLE = "unreachable"
    PROVIDER_INVALID = "provider_invalid"
    NOT_BEGUN_HERE = "not_begun_here"
    TOO_LATE = "too_late"
    REPLAYED = "replayed"
    WRONG_STATE = "wrong_state"
    WRONG_ISSUER = "wrong_issuer"
    DENIED = "denied"
    CODE_REFUSED = "code_refused"
    TOKEN_INVALID = "token_invalid"  # noqa: S105 - a reason
    TOKEN_EXPIRED = "token_expired"  # noqa: S105 - a reason
    WRONG_AUDIENCE = "wrong_audience"
    WRONG_NONCE = "wrong_nonce"
    EMAIL_UNVERIFIED = "email_unverified"
    NOT_GRANTED = "not_granted"


class SignInFailure(Exception):
    """A person can't be signed in with the provider.

    Attributes:
        reason: reason of the failure.
        detail: details for the log, never shown to the person.
    """

    def __init__(self, reason: FailureReason, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else str(reason))
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Explanation:
    """A reason in words.

    Attributes:
        status: status of the page.
        text: description of the failure.
        remedy: advice for the person.
    """

    status: int
    text: str
    remedy: str


_AGAIN: Final = "Sign in again."
_OPERATOR: Final = "Ask the operator of this installation to look at its log: event sign_in.failed."

EXPLANATIONS: Final[Mapping[FailureReason, Explanation]] = {
    FailureReason.UNREACHABLE: Explanation(
        503,
        "The sign-in service does not answer.",
        "Try again in a minute, or sign in with an API key.",
    ),
    FailureReason.PROVIDER_INVALID: Explanation(
        502, "The sign-in service has unusable metadata.", _OPERATOR
    ),
    FailureReason.NOT_BEGUN_HERE: Explanation(
        400,
        "This browser has not started to sign in, or has already finished.",
        "Sign in again; the browser must accept cookies.",
    ),
    FailureReason.TOO_LATE: Explanation(400, "Signing in took longer than ten minutes.", _AGAIN),
    FailureReason.REPLAYED: Explanation(
        400, "This response of the sign-in service was already used.", _AGAIN
    ),
    FailureReason.WRONG_STATE: Explanation(
        400, "This response does not belong to the latest sign-in of this browser.", _AGAIN
    ),
    FailureReason.WRONG_ISSUER: Explanation(
        400, "The response comes from another sign-in service.", _OPERATOR
    ),
    FailureReason.DENIED: Explanation(
        403,
        "The sign-in service refused access.",
        "Sign in again and give your consent, or ask for access to this application.",
    ),
    FailureReason.CODE_REFUSED: Explanation(
        502, "The sign-in service did not accept this installation's request.", _OPERATOR
    ),
    FailureReason.TOKEN_INVALID: Explanation(
        502, "The sign-in service's token about you is invalid.", _OPERATOR
    ),
    FailureReason.TOKEN_EXPIRED: Explanation(
        400,
        "The sign-in service's token about you has expired.",
        "Sign in again. If it happens again, the clock of one of the servers is wrong.",
    ),
    FailureReason.WRONG_AUDIENCE: Explanation(
        400, "The sign-in service's token is for another application.", _OPERATOR
    ),
    FailureReason.WRONG_NONCE: Explanation(
        400, "The sign-in service's token belongs to another sign-in.", _AGAIN
    ),
    FailureReason.EMAIL_UNVERIFIED: Explanation(
        403,
        "The sign-in service has not verified your email address.",
        "Verify the address there, then sign in again.",
    ),
    FailureReason.NOT_GRANTED: Explanation(
        403,
        "You are signed in, but do not have access to this console.",
        "Ask the operator of this installation to add you to a group that has access.",
    ),
}
