"""What a run showed, for people: figures in text, and the timeline beside them."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from lab.ledger import KillFigures, Ledger, Spread
from lab.outcome import Outcome
from lab.timeline import Life, draw

SHOWN: Final = 10
"""Kills told one by one, at most."""
LOST: Final = ("killbroker", "stopbroker", "filldisk")
BACK: Final = "startbrokers"
SETTLED_MS: Final = 15_000
"""A broker that is back has its replicas in sync, and leaders have moved back to it."""
SESSION_MS: Final = 6_000
"""What is lost before a killed worker's session has ended disturbs its recovery."""


def write(outcome: Outcome, folder: Path) -> None:
    """Write `report.txt` and `timeline.svg`."""
    (folder / "report.txt").write_text(text(outcome) + "\n", encoding="utf-8")
    (folder / "timeline.svg").write_text(timeline(outcome), encoding="utf-8")


def timeline(outcome: Outcome) -> str:
    """Return the picture of a run."""
    killed = {each.worker for each in outcome.evidence.kills}
    lives = [
        Life(each.number, each.began_ms, each.ended_ms, each.process.pid in killed)
        for each in outcome.workers
    ]
    return draw(outcome.evidence, outcome.marks, lives)


def text(outcome: Outcome) -> str:
    """Return the figures of a run, one to a line, and what was broken."""
    ledger = outcome.ledger
    lines = [
        f"scenario              {outcome.scenario.name}",
        f"events accepted       {ledger.accepted:,}",
        f"deliveries due        {ledger.due:,}",
        f"delivered, dead       {ledger.delivered:,}, {ledger.buried:,}",
        f"requests              {ledger.arrivals:,}",
        f"lost                  {len(ledger.lost)}",
        f"doubled               {ledger.doubled:,} ({len(ledger.unexplained)} by no kill)",
        f"first request after   {_spread(ledger.waits)}",
        f"retries late by       {_spread(ledger.late)}",
        *_kills(ledger, disturbed(outcome.marks)),
        *(f"worker {each.number:<14} {each.memory}" for each in outcome.workers if not each.ended),
    ]
    return "\n".join([*lines, *outcome.complaints])


def disturbed(marks: Sequence[tuple[int, str]]) -> list[tuple[int, float]]:
    """Return from when to when brokers were away, or not settled yet; epoch milliseconds."""
    found: list[tuple[int, float]] = []
    for at_ms, text in marks:
        if text.startswith(LOST):
            found.append((at_ms, math.inf))
        elif text == BACK and found:
            found[-1] = (found[-1][0], at_ms + SETTLED_MS)
    return found


def _kills(ledger: Ledger, away: Sequence[tuple[int, float]]) -> list[str]:
    if not ledger.kills:
        return []
    doubled = [each.doubled for each in ledger.kills]
    lines = [
        f"kills                 {len(ledger.kills)}",
        (
            f"doubled by a kill     p50 {statistics.median(doubled):.0f}, max {max(doubled)}, "
            f"of {sum(each.uncommitted for each in ledger.kills):,} not committed"
        ),
    ]
    alone = [
        each
        for each in ledger.kills
        if not any(since <= each.at_ms + SESSION_MS and each.at_ms <= end for since, end in away)
    ]
    lines.append(f"recovery              {_recovery(ledger.kills)}")
    if 0 < len(alone) < len(ledger.kills):
        lines.append(f"  with all brokers    {_recovery(alone)}, of {len(alone)} kills")
    lines += [
        f"  kill of {each.worker}: {each.doubled} doubled of {each.uncommitted} not committed"
        for each in ledger.kills[:SHOWN]
    ]
    return lines


def _recovery(kills: Sequence[KillFigures]) -> str:
    """Return how long it took until others delivered from every partition of a killed worker."""
    took_s = [each.all_s for each in kills if each.all_s is not None]
    if not took_s:
        return "-"
    return f"p50 {statistics.median(took_s):.1f} s, max {max(took_s):.1f} s"


def _spread(found: Spread | None) -> str:
    if found is None:
        return "-"
    return f"p50 {found.p50:,.0f} ms, p99 {found.p99:,.0f} ms, max {found.most:,.0f} ms"
