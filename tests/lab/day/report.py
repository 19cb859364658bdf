"""Report of a day: a table and a picture."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import Final

from lab.day.findings import DayEvidence, Findings, Row, Sample, innocent_waits
from lab.ledger import Books
from lab.spreads import Spread, spread
from lab.timeline import (
    GAP,
    LEFT,
    PANEL,
    POINTS,
    ROW,
    TOP,
    Axis,
    Life,
    begin,
    happenings,
    open_deliveries,
    requests,
    seconds,
    title,
    workers,
)

COLORS: Final = ("#2f81c7", "#c9792b", "#4f9d5b", "#8a63b8", "#b5495b", "#7d838c")
_KIND: Final = 22
_HEAD: Final = (
    "endpoints", "due", "delivered", "dead", "waiting", "unread", "lost", "repeated", "requests",
    "refused", "first p50", "first p99", "taken p50", "taken p99", "retry p99",
)  # fmt: skip


def write(day: DayEvidence, findings: Findings, folder: Path) -> str:
    """Write `report.txt` and `timeline.svg`; return the report."""
    report = "\n".join(_report(day, findings))
    (folder / "report.txt").write_text(report + "\n", encoding="utf-8")
    (folder / "timeline.svg").write_text(picture(day), encoding="utf-8")
    return report


def _report(day: DayEvidence, findings: Findings) -> Iterator[str]:
    size = day.shape.size
    lasted_s = (day.phases[-1][0] - day.phases[0][0]) / 1_000
    totals = findings.totals
    yield (
        f"a day in {size.minutes:g} minutes: {len(day.shape.tenants)} workspaces, "
        f"{totals.endpoints:,} endpoints, {len(day.evidence.accepted):,} events, "
        f"{totals.due:,} deliveries due, {totals.due / max(1.0, lasted_s):.0f}/s"
        + ("; interrupted" if day.interrupted else "")
    )
    yield (
        "first: from the brokers' acknowledgement to the first request; taken: to the answer with "
        "2xx; retry: from due to the attempt; refused: 429 or 503; dead: also what came after a 410"
    )
    yield ""
    yield f"{'endpoint':<{_KIND}}" + "".join(f"{name:>11}" for name in _HEAD)
    yield from (_row(each) for each in [*findings.rows, totals])
    yield ""
    yield "healthy endpoints, by phase of the acknowledgement: first request after"
    for phase, count, found in findings.phases:
        yield f"  {phase:<30}{count:>9,}  {_spread(found)}"
    yield ""
    yield f"healthy endpoints, by tenant: the tenants' p99 is {_time(findings.tenants_p99)} in the"
    yield "middle; the worst are"
    for tenant, count, worst in findings.tenants:
        yield f"  {tenant:<30}{count:>9,}  {_spread(worst)}"
    yield ""
    if findings.repeats:
        came = ", ".join(f"{count} in {phase!r}" for phase, count in findings.repeats.items())
        yield f"repeated: {came}"
    yield from _workers(day)
    yield ""
    yield from [*day.complaints, *findings.complaints()] or ["nothing lost, nothing early"]


def _row(row: Row) -> str:
    fates = row.fates
    dead = fates["dead"] + fates["unmatched"]
    counts = (
        row.endpoints, row.due, fates["delivered"], dead, fates["waiting"], fates["unread"],
        fates["lost"], row.repeated, row.requests, row.refused,
    )  # fmt: skip
    waits, taken, late = spread(row.waits), spread(row.taken), spread(row.late)
    times = (
        waits and waits.p50, waits and waits.p99, taken and taken.p50, taken and taken.p99,
        late and late.p99,
    )  # fmt: skip
    return (
        f"{row.kind.name:<{_KIND}}"
        + "".join(f"{each:>11,}" for each in counts)
        + "".join(f"{'-' if each is None else _time(each):>11}" for each in times)
    )


def _time(ms: float) -> str:
    return f"{ms:.0f} ms" if ms < 10_000 else f"{ms / 1_000:.0f} s"


def _spread(found: Spread | None) -> str:
    if found is None:
        return "-"
    return f"p50 {_time(found.p50)}, p99 {_time(found.p99)}, max {_time(found.most)}"


def _workers(day: DayEvidence) -> Iterator[str]:
    made = Counter(each.worker for each in day.evidence.lines)
    for each in day.workers:
        lived_s = max(1.0, (each.ended_ms - each.began_ms) / 1_000)
        yield (
            f"worker {each.number}: {made[each.process.pid]:,} attempts, "
            f"{each.cpu_s:.0f} s of CPU in {lived_s:.0f} s "
            f"({each.cpu_s / lived_s:.0%} of a core), memory {each.memory}"
        )


def picture(day: DayEvidence) -> str:
    """Return the day as SVG: requests, what is open, waits, CPU, memory, workers."""
    lives = [Life(each.number, each.began_ms, each.ended_ms, killed=False) for each in day.workers]
    axis = Axis(day.phases[0][0], max(each.to_ms for each in lives))
    tops = [TOP + number * (PANEL + GAP) for number in range(6)]
    bottom = tops[5] + ROW * len(lives)
    marks = day.phases[1:]
    return "\n".join(
        [
            *begin(bottom + 40, "a day: requests, open deliveries, waits, CPU and memory"),
            *requests(day.evidence, axis),
            *open_deliveries(day.evidence, axis),
            *_waits(day, axis, tops[2]),
            *_curves("CPU, % of a core", _cpu(day.samples), axis, tops[3]),
            *_curves("memory, MiB", _memory(day.samples), axis, tops[4]),
            *workers(lives, axis, tops[5]),
            *happenings(marks, axis, bottom),
            *seconds(axis, bottom),
            "</svg>\n",
        ]
    )


Curve = Sequence[tuple[float, float]]


def _waits(day: DayEvidence, axis: Axis, top: int) -> Iterator[str]:
    """Yield p99 and p50 of the first requests to healthy endpoints, by when they were due."""
    edges = axis.edges
    step_ms = edges[1] - edges[0]
    found: dict[int, list[float]] = defaultdict(list)
    for _, at_ms, wait_ms in innocent_waits(day, Books(day.evidence)):
        found[max(0, int((at_ms - axis.from_ms) // step_ms))].append(wait_ms)
    spreads = [(axis.from_ms + number * step_ms, spread(found[number])) for number in sorted(found)]
    curves = {
        "p50": [(at_ms, each.p50) for at_ms, each in spreads if each],
        "p99": [(at_ms, each.p99) for at_ms, each in spreads if each],
    }
    yield from _curves("first request, ms", curves, axis, top)


def _curves(name: str, curves: Mapping[str, Curve], axis: Axis, top: int) -> Iterator[str]:
    most = max((value for curve in curves.values() for _, value in curve), default=0.0)
    yield from title(name, top, most)
    for number, (label, curve) in enumerate(curves.items()):
        color = COLORS[number % len(COLORS)]
        points = " ".join(
            f"{axis.x(at_ms):.1f},{top + PANEL - PANEL * value / max(1.0, most):.1f}"
            for at_ms, value in _averaged(curve)
        )
        yield f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="1.2"/>'
        yield f'<text x="{LEFT + 70 * number}" y="{top - 6}" style="fill:{color}">■ {label}</text>'


def _averaged(curve: Curve) -> Curve:
    """Return a curve of few enough points for a picture: averages of equally many samples."""
    every = -(-len(curve) // POINTS) or 1
    groups = (curve[first : first + every] for first in range(0, len(curve), every))
    return [(group[0][0], fmean(value for _, value in group)) for group in groups]


def _cpu(samples: Sequence[Sample]) -> dict[str, Curve]:
    return {
        name: [
            (new.at_ms, 100_000 * (new.cpu_s - old.cpu_s) / max(1, new.at_ms - old.at_ms))
            for old, new in pairwise(mine)
        ]
        for name, mine in _by_worker(samples).items()
    }


def _memory(samples: Sequence[Sample]) -> dict[str, Curve]:
    return {
        name: [(each.at_ms, each.mib) for each in mine]
        for name, mine in _by_worker(samples).items()
    }


def _by_worker(samples: Sequence[Sample]) -> dict[str, list[Sample]]:
    found: dict[str, list[Sample]] = defaultdict(list)
    for each in samples:
        found[f"worker {each.worker}"].append(each)
    return found
