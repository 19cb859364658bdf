"""The table in docs/benchmarks.md comes from runs alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.figures import Figure, Finding, Measured
from bench.report import Report
from bench.write_report import BEGIN, END, main

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"


def result(folder: Path, build: str, rates: tuple[float, ...], *, void: bool = False) -> Path:
    """Write the result of a run with one figure."""
    why = ("others used the core",) if void else ()
    figure = Figure("rate", "deliveries", "/s", tuple(Measured(each, why) for each in rates))
    setting = {
        "cpu": "A CPU",
        "cores": 2,
        "python": "3.11",
        "build": build,
        "kafka": "Kafka 4 at 127.0.0.1:9092",
        "date": "2026-11-29",
        "effort": {"repetitions": len(rates)},
    }
    file = folder / f"{build}.json"
    report = Report(setting, {"throughput": Finding((figure,))})
    file.write_text(json.dumps(report.as_json()), encoding="utf-8")
    return file


def page(folder: Path) -> Path:
    """Return a page with an old table."""
    file = folder / "page.md"
    file.write_text(f"before\n{BEGIN}old\n{END}after\n", encoding="utf-8")
    return file


def test_a_row_has_median_and_spread_of_both_forms_in_place_of_the_old_table(
    tmp_path: Path,
) -> None:
    runs = [
        result(tmp_path, "pure", (5.0, 1.0, 3.0, 2.0, 4.0)),
        result(tmp_path, "compiled", (7.0,) * 5, void=True),
    ]
    written = page(tmp_path)
    assert main([str(written), *map(str, runs)]) == 0
    text = written.read_text(encoding="utf-8")
    assert "| `throughput` | deliveries | 3/s (1 … 5) | 7/s, void |" in text
    assert "old" not in text
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "9092" not in text


def test_a_run_with_few_repetitions_is_refused_and_the_page_stays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = page(tmp_path)
    before = written.read_text(encoding="utf-8")
    assert main([str(written), str(result(tmp_path, "pure", (1.0, 2.0)))]) == 2
    assert written.read_text(encoding="utf-8") == before
    assert "--repeat 5" in capsys.readouterr().err


@pytest.mark.tree
def test_the_page_of_benchmarks_has_a_place_for_the_table() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text.index(BEGIN) < text.index(END)
