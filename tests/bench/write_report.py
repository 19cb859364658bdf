"""Writer of the table in docs/benchmarks.md: `python -m bench.write_report PAGE RESULT...`.

Each result is what `plaudit bench --json` wrote, one for the pure form and one for the compiled
one. A figure is the median with the least and the most of its repetitions; a run with fewer than
five repetitions is refused.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from bench.report import shown

BEGIN: Final = "<!-- figures: make bench-report -->\n"
END: Final = "<!-- figures: end -->\n"
FEWEST: Final = 5
USAGE: Final = 2

Result = Mapping[str, Any]


class ReportRefused(ValueError):
    """The table can't be written; the message says why, and what to do."""


def main(arguments: Sequence[str]) -> int:
    """Replace the table of a page; return the exit code."""
    page, *files = (Path(each) for each in arguments)
    try:
        results = [json.loads(file.read_text(encoding="utf-8")) for file in files]
        text = replaced(page.read_text(encoding="utf-8"), results)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"bench report: {error}\n")
        return USAGE
    page.write_text(text, encoding="utf-8")
    return 0


def replaced(page: str, results: Sequence[Result]) -> str:
    """Return a page with these results in place of the former ones.

    Raises:
        ReportRefused: the page has no place for them, or a run has too few repetitions.
    """
    before, begun, rest = page.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not begun or not ended:
        raise ReportRefused(f"the page lacks {BEGIN.strip()} or {END.strip()}")
    for each in results:
        if (made := each["effort"]["repetitions"]) < FEWEST:
            raise ReportRefused(f"{made} repetitions; run it with --repeat {FEWEST} or more")
    block = "\n".join(_block(results))
    return f"{before}{BEGIN}\n{block}\n\n{END}{after}"


def _block(results: Sequence[Result]) -> Iterator[str]:
    first = results[0]
    repeated = min(each["effort"]["repetitions"] for each in results)
    kafka = re.sub(r" at \S+:\d+$", "", str(first["kafka"]))
    machine = f"{first['cpu']}, {first['cores']} cores, Python {first['python']}"
    yield f"{machine}, {kafka}, {first['date']}."
    yield f"Medians of {repeated} repetitions, with the least and the most of them."
    yield ""
    forms = [str(each["build"]) for each in results]
    yield f"| `make bench ARGS=…` | figure | {' | '.join(forms)} |"
    yield f"|---|---|{'---:|' * len(forms)}"
    for scenario, figure in _figures(results):
        cells = [_cell(_found(each, scenario, figure["key"])) for each in results]
        yield f"| `{scenario}` | {figure['title']} | {' | '.join(cells)} |"


def _figures(results: Sequence[Result]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each figure that any of the runs has, once."""
    seen = set()
    for result in results:
        for scenario, found in result["scenarios"].items():
            for figure in found["figures"]:
                if (scenario, figure["key"]) not in seen:
                    seen.add((scenario, figure["key"]))
                    yield scenario, figure


def _found(result: Result, scenario: str, key: str) -> Mapping[str, Any] | None:
    figures = result["scenarios"].get(scenario, {"figures": ()})["figures"]
    return next((each for each in figures if each["key"] == key), None)


def _cell(figure: Mapping[str, Any] | None) -> str:
    """Return median, spread, and whether the figure does not count."""
    if figure is None:
        return ""
    values = [each["value"] for each in figure["samples"] if figure["void"] or not each["void"]]
    low, high = min(values), max(values)
    text = shown(figure["median"], figure["unit"])
    if low != high:
        text += f" ({shown(low, '')} … {shown(high, '')})"
    return f"{text}, void" if figure["void"] else text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
