"""Report of a job, for people and for machines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from plaudit.dlq.job.rules import REMEDIES, Skip
from plaudit.records.times import time_text

_VERBS: Final = {
    "redrive": ("resend", "Resent"),
    "purge": ("remove", "Removed"),
    "replay": ("replay", "Replayed"),
}


@dataclass
class Report:
    """One run of a job.

    Attributes:
        action: `redrive`, `purge` or `replay`.
        kind: kind of the letters; `events` for a replay.
        began_at_ms: start in epoch milliseconds.
        name: name of the policy, or endpoint of a replay.
        looked_at: number of existing records.
        matched: number of records that match the filter.
        chosen: number of records to move.
        moved: number of records that have moved.
        skipped: number of matching records that stay, by reason.
        stopped: why the job ended early; None if it ended normally.
        counts: histogram of the chosen records.
        endpoints: endpoints that the job stopped sending to, with the reason.
        ended_at_ms: end in epoch milliseconds; None while it runs.
        removed: maximum number of records of a replay's range that retention removed.
        begins_ms: time from which that range is complete.
        undecodable: records of a replay's range that can't be read as events.
        unknown: records of a replay's range with an unknown schema.
    """

    action: str
    kind: str
    began_at_ms: int
    name: str | None = None
    looked_at: int = 0
    matched: int = 0
    chosen: int = 0
    moved: int = 0
    skipped: Counter[Skip] = field(default_factory=Counter)
    stopped: str | None = None
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    endpoints: dict[str, str] = field(default_factory=dict)
    ended_at_ms: int | None = None
    removed: int = 0
    begins_ms: int | None = None
    undecodable: int = 0
    unknown: int = 0

    @property
    def complete(self) -> bool:
        """Whether every chosen record has moved, and the job was not stopped."""
        return self.stopped is None

    @property
    def noun(self) -> str:
        """Subject of the job, for people."""
        return "events" if self.action == "replay" else f"dead letters ({self.kind})"

    @property
    def verb(self) -> str:
        """Verb for the job, such as `resend`."""
        return _VERBS[self.action][0]

    @property
    def headline(self) -> str:
        """Result of the job, in one sentence."""
        if not self.chosen:
            return f"Nothing to {self.verb}."
        return f"{_VERBS[self.action][1]} {self.moved:,} of {self.chosen:,} {self.noun}."

    def plain(self) -> dict[str, object]:
        """Return the report as plain data."""
        return {
            "action": self.action,
            "kind": self.kind,
            "name": self.name,
            "began_at": time_text(self.began_at_ms),
            "ended_at": None if self.ended_at_ms is None else time_text(self.ended_at_ms),
            "complete": self.complete,
            "stopped": self.stopped,
            "looked_at": self.looked_at,
            "matched": self.matched,
            "chosen": self.chosen,
            "moved": self.moved,
            "skipped": {str(reason): number for reason, number in self.skipped.most_common()},
            "failing_endpoints": self.endpoints,
            "removed_by_retention_at_most": self.removed,
            "whole_from": None if self.begins_ms is None else time_text(self.begins_ms),
            "undecodable": self.undecodable,
            "schema_unknown": self.unknown,
            "counts": {name: dict(counts) for name, counts in self.counts.items()},
        }

    def lines(self) -> list[str]:
        """Return a line for each kind of record that was not sent, with the reason."""
        lines = self.skipped_lines()
        if self.undecodable:
            advice = "`plaudit dlq list --kind events` lists them"
            lines.insert(0, f"{self.undecodable:,} can't be read as events: {advice}")
        if self.unknown:
            advice = "run `plaudit schemas register`, then replay them with --again"
            lines.insert(0, f"{self.unknown:,} can't be read, their schema is unknown: {advice}")
        if self.removed:
            left = "it is empty now"
            if self.begins_ms is not None:
                left = f"it is complete from {time_text(self.begins_ms)} on"
            removed = f"retention has removed up to {self.removed:,} records of this range; {left}"
            lines.insert(0, removed)
        return lines

    def skipped_lines(self) -> list[str]:
        """Return a line for each reason why letters stay, with a remedy."""
        return [
            f"{number:,} stay ({reason}): {REMEDIES[reason]}"
            for reason, number in self.skipped.most_common()
        ]
