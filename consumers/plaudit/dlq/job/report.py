"""What a job did, for people and for machines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from plaudit.dlq.job.rules import WAY_OUT, Skip
from plaudit.records.times import time_text


@dataclass
class Report:
    """One run of a job.

    Attributes:
        action: `redrive`, `purge` or `replay`.
        kind: of the letters or, of a replay, `events`.
        began_at_ms: epoch milliseconds.
        name: of the policy, when it runs by one; the endpoint of a replay.
        looked_at: records that were there.
        matched: those that the filter takes.
        chosen: those to be moved.
        moved: those that are.
        skipped: by reason, those that match and stay.
        stopped: why it ended before all was moved; None: it did not.
        counts: histogram of what was chosen.
        endpoints: why endpoints were stopped sending to.
        ended_at_ms: epoch milliseconds; None while it runs.
        removed: records of a replay's range that retention has removed, at most.
        begins_ms: from when on that range is whole.
        undecodable: records of a replay's range that are no events.
        unknown: records of a replay's range whose schema is not known.
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
        """Whether everything that was chosen is moved, and nothing stands in its way."""
        return self.stopped is None

    @property
    def noun(self) -> str:
        """What it is about, for people."""
        return "events" if self.action == "replay" else f"dead letters ({self.kind})"

    def plain(self) -> dict[str, object]:
        """Return it as plain data."""
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
        """Return a line for whatever is not sent, and why."""
        lines = self.skipped_lines()
        if self.undecodable:
            dead = "`plaudit dlq list --kind events` has them"
            lines.insert(0, f"{self.undecodable:,} are no events: {dead}")
        if self.unknown:
            way_out = "run `plaudit schemas register`, then replay them with --again"
            lines.insert(0, f"{self.unknown:,} can't be read, their schema is not known: {way_out}")
        if self.removed:
            left = "nothing is left of it"
            if self.begins_ms is not None:
                left = f"it is whole from {time_text(self.begins_ms)} on"
            removed = f"retention has removed up to {self.removed:,} records of this range; {left}"
            lines.insert(0, removed)
        return lines

    def skipped_lines(self) -> list[str]:
        """Return a line for each reason why letters stay, with the way out."""
        return [
            f"{number:,} stay ({reason}): {WAY_OUT[reason]}"
            for reason, number in self.skipped.most_common()
        ]
