"""The report of a run, for people: figures in text, and the timeline beside them."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Final

from lab.ledger import Ledger
from lab.outcome import Outcome
from lab.spreads import Spread
from lab.timeline import Life, draw

SHOWN: Final = 10
"""Maximum number of kills and repetitions to describe one by one."""


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
    """Return the figures of a run, a line each, and the broken promises."""
    ledger = outcome.ledger
    lines = [
        f"scenario              {outcome.scenario.name}",
        f"events accepted       {ledger.accepted:,}",
        f"deliveries due        {ledger.due:,}",
        f"delivered, dead       {ledger.delivered:,}, {ledger.buried:,}",
        f"requests              {ledger.arrivals:,}",
        f"lost                  {len(ledger.lost)}",
        f"doubled               {ledger.doubled:,} ({len(ledger.unexplained)} by no kill)",
        *(f"  by no kill: {each}" for each in ledger.unexplained[:SHOWN]),
        f"first request after   {_spread(ledger.waits)}",
        f"retries late by       {_spread(ledger.late)}",
        *_kills(ledger),
        *(f"worker {each.number:<14} {each.memory}" for each in outcome.workers if not each.ended),
    ]
    return "\n".join([*lines, *outcome.complaints])


def _kills(ledger: Ledger) -> list[str]:
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
    recovered = [each.all_s for each in ledger.kills if each.all_s is not None]
    if recovered:
        middle, most = statistics.median(recovered), max(recovered)
        lines.append(f"recovery              p50 {middle:.1f} s, max {most:.1f} s")
    lines += [
        f"  kill of {each.worker}: {each.doubled} doubled of {each.uncommitted} not committed"
        for each in ledger.kills[:SHOWN]
    ]
    return lines


def _spread(found: Spread | None) -> str:
    if found is None:
        return "-"
    return f"p50 {found.p50:,.0f} ms, p99 {found.p99:,.0f} ms, max {found.most:,.0f} ms"
