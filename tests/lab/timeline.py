"""SVG timeline of a run: requests, open deliveries, workers and incidents.

Three panels over one axis of seconds: how many requests came in each interval, and how many of them
were taken; how many deliveries were accepted and not yet ended; and the workers' lives. What was
done to them is a line through all three.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final
from xml.sax.saxutils import escape

from lab.evidence import Evidence

WIDTH: Final = 960
LEFT: Final = 124
RIGHT: Final = 16
PLOT: Final = WIDTH - LEFT - RIGHT
TOP: Final = 170
"""Space for the names of incidents, written upwards."""
PANEL: Final = 110
GAP: Final = 34
ROW: Final = 12
POINTS: Final = 240
"""Maximum number of intervals."""
MOST_NAMED: Final = 40
"""Maximum number of named marks; beyond it, only every n-th is named."""
TAKEN, FAILED, TEXT = "#2f81c7", "#c9792b", "#7d838c"
_STYLE: Final = (
    f"text{{font:11px system-ui,sans-serif;fill:{TEXT}}}.title{{font-weight:600}}"
    "@media (prefers-color-scheme:dark){text{fill:#a5abb4}}"
)


@dataclass(frozen=True, slots=True)
class Life:
    """The life of a worker, in epoch milliseconds."""

    number: int
    from_ms: int
    to_ms: int
    killed: bool


@dataclass(frozen=True, slots=True)
class Axis:
    """Scale from epoch milliseconds to pixels."""

    from_ms: int
    to_ms: int

    def x(self, at_ms: float) -> float:
        """Return the position of a time."""
        return LEFT + PLOT * (at_ms - self.from_ms) / max(1, self.to_ms - self.from_ms)

    @property
    def edges(self) -> list[float]:
        """The beginnings of the intervals, and the end; whole seconds where there are many."""
        length_s = (self.to_ms - self.from_ms) / 1_000
        step_ms = max(250.0, -(-length_s // POINTS) * 1_000)
        count = int((self.to_ms - self.from_ms) // step_ms) + 1
        return [self.from_ms + number * step_ms for number in range(count + 1)]


def draw(evidence: Evidence, marks: Sequence[tuple[int, str]], lives: Sequence[Life]) -> str:
    """Return the picture of a run."""
    moments = [each.at_ms for each in evidence.arrivals]
    moments += [each.from_ms for each in lives] + [each.to_ms for each in lives]
    axis = Axis(min(moments), max(moments))
    bottom = TOP + 2 * (PANEL + GAP) + ROW * len(lives)
    height = bottom + 40
    return "\n".join(
        [
            *begin(height, "requests, open deliveries and workers over time"),
            *requests(evidence, axis),
            *open_deliveries(evidence, axis),
            *workers(lives, axis, TOP + 2 * (PANEL + GAP)),
            *happenings(marks, axis, bottom),
            *seconds(axis, bottom),
            "</svg>\n",
        ]
    )


def begin(height: int, name: str) -> Iterator[str]:
    """Yield the beginning of a picture."""
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    yield f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">'
    yield f"<title>{name}</title>"
    yield f"<style>{_STYLE}</style>"


def requests(evidence: Evidence, axis: Axis) -> Iterator[str]:
    """Yield the panel with the numbers of received and accepted requests."""
    edges = axis.edges
    everything = counts((each.at_ms for each in evidence.arrivals), edges)
    taken = counts((each.at_ms for each in evidence.arrivals if 200 <= each.status < 300), edges)
    step_s = (edges[1] - edges[0]) / 1_000
    yield from title("requests/s", TOP, max(everything, default=0) / step_s)
    yield from area(everything, edges, axis, TOP, FAILED)
    yield from area(taken, edges, axis, TOP, TAKEN, most=max(everything, default=0))
    yield f'<text x="{LEFT}" y="{TOP - 6}" style="fill:{TAKEN}">■ taken (2xx)</text>'
    yield f'<text x="{LEFT + 90}" y="{TOP - 6}" style="fill:{FAILED}">■ failed</text>'


def open_deliveries(evidence: Evidence, axis: Axis) -> Iterator[str]:
    """Yield the panel with the number of open deliveries, which end with their last request."""
    top = TOP + PANEL + GAP
    edges = axis.edges
    begun = counts(
        (each.at_ms for each in evidence.accepted.values() for _ in evidence.subscribers(each)),
        edges,
    )
    last: dict[tuple[str, str], int] = {}
    for each in evidence.arrivals:
        pair = each.subscriber, each.event
        last[pair] = max(each.at_ms, last.get(pair, 0))
    ended = counts(last.values(), edges)
    running = list(accumulate(new - old for new, old in zip(begun, ended, strict=True)))
    yield from title("open deliveries", top, max(running, default=0))
    yield from area([max(0, each) for each in running], edges, axis, top, TAKEN)


def workers(lives: Sequence[Life], axis: Axis, top: int) -> Iterator[str]:
    """Yield the panel with the lifetimes of the workers."""
    yield f'<text class="title" x="{LEFT - 8}" y="{top - 4}" text-anchor="end">workers</text>'
    for row, life in enumerate(lives):
        y = top + ROW * row
        x, end = axis.x(life.from_ms), axis.x(life.to_ms)
        color = FAILED if life.killed else TAKEN
        yield f'<text x="{LEFT - 8}" y="{y + 9}" text-anchor="end">{life.number}</text>'
        yield (
            f'<rect x="{x:.1f}" y="{y + 2}" width="{max(1.0, end - x):.1f}" height="{ROW - 4}" '
            f'rx="2" fill="{color}"/>'
        )


def happenings(marks: Sequence[tuple[int, str]], axis: Axis, bottom: int) -> Iterator[str]:
    """Yield a line through all panels for each incident."""
    every = -(-len(marks) // MOST_NAMED) or 1
    for number, (at_ms, text) in enumerate(marks):
        x = axis.x(at_ms)
        yield (
            f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{bottom}" '
            f'stroke="{TEXT}" stroke-dasharray="2 3"/>'
        )
        if number % every == 0:
            place = f'transform="translate({x + 3:.1f} {TOP - 22}) rotate(-60)"'
            yield f"<text {place}>{escape(text)}</text>"


def seconds(axis: Axis, bottom: int) -> Iterator[str]:
    """Yield the numbers below the axis."""
    for tenth in range(0, 11, 2):
        at_ms = axis.from_ms + (axis.to_ms - axis.from_ms) * tenth / 10
        after_s = (at_ms - axis.from_ms) / 1_000
        yield (
            f'<text x="{axis.x(at_ms):.1f}" y="{bottom + 20}" text-anchor="middle">'
            f"{after_s:.0f} s</text>"
        )


def title(text: str, top: int, most: float) -> Iterator[str]:
    """Yield the name of a panel, and its scale."""
    yield f'<text class="title" x="{LEFT - 8}" y="{top + 24}" text-anchor="end">{text}</text>'
    yield f'<text x="{LEFT - 8}" y="{top + 10}" text-anchor="end">{most:,.0f}</text>'
    yield f'<text x="{LEFT - 8}" y="{top + PANEL}" text-anchor="end">0</text>'


def area(
    counts: Sequence[int],
    edges: Sequence[float],
    axis: Axis,
    top: int,
    color: str,
    most: int | None = None,
) -> Iterator[str]:
    """Yield a filled line; `most` is what reaches the panel's top."""
    highest = max(counts, default=0) if most is None else most
    floor = top + PANEL
    points = [f"{axis.x(edges[0]):.1f},{floor}"]
    for number, count in enumerate(counts):
        x = axis.x(min(edges[number], axis.to_ms))
        points.append(f"{x:.1f},{floor - PANEL * count / max(1, highest):.1f}")
    points.append(f"{axis.x(axis.to_ms):.1f},{floor}")
    yield f'<polygon points="{" ".join(points)}" fill="{color}"/>'


def counts(moments: Iterable[int], edges: Sequence[float]) -> list[int]:
    """Return the number of times in each interval."""
    counts = [0] * (len(edges) - 1)
    for at_ms in moments:
        counts[min(len(counts) - 1, max(0, bisect_right(edges, at_ms) - 1))] += 1
    return counts
