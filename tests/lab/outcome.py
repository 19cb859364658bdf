"""The result of a run."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from lab.evidence import Evidence
from lab.ledger import Ledger
from lab.scenario import Scenario
from lab.stage import Worker


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a run.

    Attributes:
        complaints: broken promises, each in a sentence; empty when all is well.
        marks: what happened when, in epoch milliseconds.
        told: per worker, its warnings and errors, whole.
        troubles: the same, counted by event.
        interrupted: a person stopped it; it is judged by what was published until then.
    """

    scenario: Scenario
    evidence: Evidence
    ledger: Ledger
    complaints: list[str]
    marks: list[tuple[int, str]]
    workers: list[Worker]
    told: list[list[str]]
    troubles: list[Counter[str]]
    interrupted: bool = False
