"""Attempt that has ended, with its names in headers, log and metrics."""

from __future__ import annotations

from typing import Final, assert_never

from plaudit.deliver.model.decision import (
    Cancelled,
    Dead,
    Decision,
    Delivered,
    Diverted,
    Reason,
    Retry,
)
from plaudit.records.attempt import Outcome
from plaudit.transport.answer import Answer
from plaudit.transport.errors import TransportError

_DELIVERED: Final = Outcome.DELIVERED
_CLASSES: Final = tuple(f"{first}xx" for first in range(10))


class Attempted:
    """An HTTP attempt that was made.

    Attributes:
        outcome: the answer, or the error in its place.
        started_at_ms: start by the worker's clock; also the `webhook-timestamp`.
    """

    __slots__ = ("outcome", "started_at_ms")

    def __init__(self, outcome: Answer | TransportError, started_at_ms: int) -> None:
        self.outcome = outcome
        self.started_at_ms = started_at_ms

    @property
    def status(self) -> int | None:
        """HTTP status of the answer."""
        return self.outcome.status if isinstance(self.outcome, Answer) else None

    @property
    def result(self) -> str:
        """Return the class of the status, such as `2xx`, or the code of the error."""
        if isinstance(self.outcome, Answer):
            return _CLASSES[self.outcome.status // 100]
        return self.outcome.code

    @property
    def error(self) -> str | None:
        """Error text of an attempt without an answer."""
        return None if isinstance(self.outcome, Answer) else str(self.outcome)


def outcome_of(decision: Decision) -> Outcome:
    """Return the outcome that the log states for a decision."""
    match decision:
        case Delivered():
            return _DELIVERED
        case Retry():
            return Outcome.RETRYING
        case Diverted():
            return Outcome.DIVERTED
        case Dead(reason=Reason.GONE):
            return Outcome.GONE
        case Dead():
            return Outcome.DEAD
        case Cancelled():
            return Outcome.CANCELLED
    assert_never(decision)


def reason_of(decision: Decision) -> str | None:
    """Return the reason code of a decision; None for a 2xx."""
    return None if isinstance(decision, Delivered) else str(decision.reason)


def error_of(decision: Decision, attempted: Attempted | None) -> str | None:
    """Return the error text of an attempt, or of a delivery that ends without one."""
    error = None if attempted is None else attempted.error
    if error is None and isinstance(decision, Dead):
        return decision.detail or None
    return error
