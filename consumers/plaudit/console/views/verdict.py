"""Verdict on a delivery: its result in one sentence, and a remedy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from plaudit.console.views.words import At, Sentence, duration, plural
from plaudit.records.explanations import explain
from plaudit.store.log.queries import Attempt
from plaudit.store.log.query import State


@dataclass(frozen=True, slots=True)
class DeliveryVerdict:
    """Verdict on a delivery.

    Attributes:
        sentence: result of the delivery.
        remedy: advice; None if it needs none.
    """

    sentence: Sentence
    remedy: str | None


def verdict(attempts: Sequence[Attempt]) -> DeliveryVerdict:
    """Return the verdict from one or more attempts of a delivery, in order."""
    latest = attempts[-1]
    tried = [each for each in attempts if each.is_http]
    match latest.state:
        case State.DELIVERED:
            return DeliveryVerdict(_delivered(latest, len(tried)), None)
        case State.PENDING:
            return _pending(latest, tried)
        case State.DEAD:
            return _dead(latest, tried)
        case State.CANCELLED:
            told = explain(latest.reason)
            sentence = ("Cancelled ", At(latest.started_at), f": {told.what}.")
            return DeliveryVerdict(sentence, told.remedy)


def _delivered(latest: Attempt, tries: int) -> Sentence:
    nth = "at the first attempt" if tries <= 1 else f"at attempt {tries}"
    answer = f"answered {status_words(latest)} after {duration(latest.total_ms)}"
    return ("Delivered ", At(latest.started_at), f" {nth}, {answer}.")


def _pending(latest: Attempt, tried: Sequence[Attempt]) -> DeliveryVerdict:
    told = explain(latest.reason, latest.status)
    due: Sentence = (".",)
    if latest.next_due_at is not None:
        due = ("; next attempt ", At(latest.next_due_at), ".")
    failures = [each for each in tried if each.outcome != "delivered"]
    if latest.outcome == "diverted" or not failures:
        return DeliveryVerdict((f"Waiting: {told.what}", *due), told.remedy)
    begun: Sentence = ("Failed ", At(failures[0].started_at))
    if len(failures) > 1:
        begun = (f"Failed {len(failures):,} times, first ", At(failures[0].started_at))
    said = f" ({status_words(latest)}: {told.what})"
    return DeliveryVerdict((*begun, said, *due), told.remedy)


def _dead(latest: Attempt, tried: Sequence[Attempt]) -> DeliveryVerdict:
    after = f" after {plural(len(tried), 'attempt')}" if tried else " before any attempt"
    answered = next((each for each in reversed(tried) if each.status is not None), None)
    status = None if answered is None else answered.status
    told = explain(latest.reason, latest.status or status)
    return DeliveryVerdict(
        ("Given up ", At(latest.started_at), f"{after}: {told.what}."), told.remedy
    )


def status_words(attempt: Attempt) -> str:
    """Return the status of a response, or `no answer`."""
    return "no answer" if attempt.status is None else f"HTTP {attempt.status}"
