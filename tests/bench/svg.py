"""The charts as one SVG file that can be read on light and on dark pages alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final
from xml.sax.saxutils import escape

from bench.report import Bar, shown

WIDTH: Final = 760
LABELS: Final = 230
"""Pixels for the labels, left of the bars."""
VALUES: Final = 110
"""Pixels for the values, right of the longest bar."""
LINE: Final = 26
HEAD: Final = 40
MARGIN: Final = 16
# Mid-tones: at least 3:1 against white and against near-black.
OURS: Final = "#2f81c7"
OTHERS: Final = "#8a8f98"
TEXT: Final = "#7d838c"
_STYLE: Final = (
    f"text{{font:13px system-ui,sans-serif;fill:{TEXT}}}"
    ".title{font-weight:600;font-size:14px}"
    "@media (prefers-color-scheme:dark){text{fill:#a5abb4}}"
)


def svg(charts: Mapping[str, Sequence[Bar]]) -> str:
    """Return the charts, one below the other."""
    height = MARGIN + sum(HEAD + LINE * len(bars) for bars in charts.values()) + MARGIN
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">',
        f"<title>{escape('; '.join(charts))}</title>",
        f"<style>{_STYLE}</style>",
    ]
    top = MARGIN
    for title, bars in charts.items():
        lines += _chart(title, bars, top)
        top += HEAD + LINE * len(bars)
    return "\n".join([*lines, "</svg>"]) + "\n"


def _chart(title: str, bars: Sequence[Bar], top: int) -> Iterator[str]:
    yield f'<text class="title" x="{MARGIN}" y="{top + 18}">{escape(title)}</text>'
    most = max(bar.value for bar in bars) or 1.0
    room = WIDTH - LABELS - VALUES - MARGIN
    for number, bar in enumerate(bars):
        y = top + HEAD + LINE * number
        long = max(1.0, bar.value / most * room)
        color = OURS if _is_ours(bar) else OTHERS
        mark = " (void)" if bar.void else ""
        value = escape(shown(bar.value, " ").strip() + mark)
        yield f'<text x="{LABELS - 8}" y="{y + 6}" text-anchor="end">{escape(bar.label)}</text>'
        faint = ' fill-opacity="0.5"' if bar.void else ""
        yield (
            f'<rect x="{LABELS}" y="{y - 7}" width="{long:.1f}" height="16" rx="2" '
            f'fill="{color}"{faint}/>'
        )
        yield f'<text x="{LABELS + long + 8:.1f}" y="{y + 6}">{value}</text>'


REFERENCES: Final = frozenset({"aiohttp", "httpx", "parallel-consumer", "raw", "wrk"})


def _is_ours(bar: Bar) -> bool:
    return bar.label not in REFERENCES
