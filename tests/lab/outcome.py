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
        complaints: broken promises, a sentence each; empty if there are none.
        marks: incidents with their times in epoch milliseconds.
        told: warnings and errors of each worker.
        troubles: the same, counted by event.
        interrupted: whether Ctrl-C stopped it; the verdict covers the events until then.
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
