"""Description of an alert, and of a rule that records a series."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Urgency(StrEnum):
    """Urgency of an alert."""

    PAGE = "page"
    """Deliveries wait or data is at risk: act now."""
    TICKET = "ticket"
    """Act on a working day."""


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert on a symptom.

    Attributes:
        name: its name; all begin with `Plaudit`.
        severity: its urgency.
        query: PromQL; the alert is active while it returns a sample.
        held: how long the query has to return samples before the alert fires; empty: at once.
        summary: what the operator reads first; may use Prometheus' templates.
        section: heading of its section of the runbook.
    """

    name: str
    severity: Urgency
    query: str
    held: str
    summary: str
    section: str

    @property
    def anchor(self) -> str:
        """Anchor of its section."""
        return self.section.lower().replace(" ", "-")


@dataclass(frozen=True, slots=True)
class RecordedSeries:
    """A series that Prometheus computes at each evaluation."""

    name: str
    query: str
