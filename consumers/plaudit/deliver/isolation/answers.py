"""Meaning of an attempt's outcome for the health of its endpoint. Pure."""

from __future__ import annotations

from typing import Final

from plaudit.deliver.model.defects import Defect
from plaudit.deliver.model.quota import quota
from plaudit.deliver.model.retry_after import retry_after_ms
from plaudit.transport.answer import Answer
from plaudit.transport.errors import (
    AddressRefused,
    LookUpsBusy,
    RequestInvalid,
    TransportError,
)

_TOO_MANY: Final = 429
_UNAVAILABLE: Final = 503
_SERVER_ERRORS: Final = range(500, 600)


def answers(outcome: Answer | TransportError) -> bool | None:
    """Return whether an attempt shows that the endpoint works; None: it shows nothing.

    A 5xx, a 429 or no answer shows that it does not. Every other status comes from a working
    endpoint: a 413 is about one body, and a 404 takes no time.
    """
    match outcome:
        case Answer(status=status):
            return status not in _SERVER_ERRORS and status != _TOO_MANY
        case AddressRefused(literal=True) | RequestInvalid() | LookUpsBusy():
            return None
        case _:
            # A defect of the worker shows nothing about the endpoint.
            return None if isinstance(outcome, Defect) else False


def is_refused(outcome: Answer | TransportError, hold_s: float) -> bool:
    """Return whether an endpoint asks for a slower pace: 429, or 503 with `Retry-After`."""
    if not isinstance(outcome, Answer):
        return False
    return outcome.status == _TOO_MANY or (outcome.status == _UNAVAILABLE and hold_s > 0)


def hold_s(outcome: Answer | TransportError, now_ms: int) -> float:
    """Return the seconds for which an endpoint asks for a pause.

    A 429 or 503 asks with `Retry-After`, or with a used-up quota.
    """
    if not isinstance(outcome, Answer) or outcome.status not in {_TOO_MANY, _UNAVAILABLE}:
        return 0.0
    asked_ms = retry_after_ms(outcome, now_ms)
    if not asked_ms and (left := quota(outcome, now_ms)) is not None and not left.remaining:
        asked_ms = left.reset_ms
    return asked_ms / 1_000
