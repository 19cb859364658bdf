"""`plaudit bench`: measures this installation."""

from __future__ import annotations

import json
import os
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from bench.lab import FULL, QUICK
from bench.report import Report
from bench.run import VOID, Request, chosen, run
from bench.scenarios.registry import SCENARIOS
from bench.svg import svg
from bench.table import markdown, print_report
from plaudit.cli.ui.listing import ListColumn, print_list
from plaudit.cli.ui.output import Exit, fail, print_json
from plaudit.kafka.settings import BOOTSTRAP

STDOUT: Final = Path("-")
WIDTH: Final = 110
"""Default width in columns."""


def command(
    scenarios: Annotated[
        list[str] | None,
        typer.Argument(metavar="SCENARIO", help="Scenarios to run; all by default. See --list."),
    ] = None,
    events: Annotated[
        int | None, typer.Option(min=10, help="Events to publish before a worker starts.")
    ] = None,
    repeat: Annotated[
        int | None, typer.Option(min=1, max=20, help="Repetitions of each comparison.")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(min=0.1, max=60, help="Most seconds for each measurement.")
    ] = None,
    foreign: Annotated[
        float,
        typer.Option(min=0, max=100, help="Percent of the worker's core that others may take."),
    ] = 10.0,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write all figures to this file; - prints them.")
    ] = None,
    svg_file: Annotated[
        Path | None, typer.Option("--svg", help="Write the charts to this file.")
    ] = None,
    logs: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Keep the workers' logs in a new folder in this one."),
    ] = None,
    *,
    quick: Annotated[
        bool, typer.Option("--quick", help="Take one minute: fewer scenarios, less exact figures.")
    ] = False,
    targets: Annotated[
        bool, typer.Option("--targets", help="Exit with 1 when a target is missed.")
    ] = False,
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="Print the block for a README.")
    ] = False,
    listed: Annotated[bool, typer.Option("--list", help="List the scenarios, and end.")] = False,
) -> None:
    """Measure this machine: a worker against plain loops, in one run, to the same sink.

    Uses the cluster in KAFKA_BOOTSTRAP_SERVERS if that is set, else Docker, else a local Kafka;
    under a fresh prefix, of which nothing is left. Takes about 15 minutes, with --quick one.
    Exits with 3 when a figure is void: the load generator fell behind, the sink was saturated, the
    counts do not add up, or others used the worker's core.

    Examples:
      plaudit bench --quick
      plaudit bench latency hanging --json figures.json --svg figures.svg
    """
    if listed:
        _list()
        return
    for option, file in (("--json", json_file), ("--svg", svg_file)):
        if file is not None and not file.parent.is_dir():
            fail(f"{option}: {file.parent} is not a folder", Exit.USAGE)
    effort = QUICK if quick else FULL
    effort = replace(
        effort,
        events=events or effort.events,
        repetitions=repeat or effort.repetitions,
        seconds=seconds or effort.seconds,
        most_foreign=foreign / 100,
    )
    names = chosen(scenarios or [], quick=quick)
    called = "plaudit " + shlex.join(sys.argv[1:])
    report = run(Request(names, effort, os.environ.get(BOOTSTRAP) or None, called, logs))
    _tell(report, json_file, svg_file, as_markdown=as_markdown)
    if report.void:
        raise typer.Exit(VOID)
    if targets and report.missed:
        raise typer.Exit(Exit.FAILED)


def _tell(
    report: Report, json_file: Path | None, svg_file: Path | None, *, as_markdown: bool
) -> None:
    """Write the files, and print the result."""
    to_stdout = json_file == STDOUT
    if to_stdout:
        print_json(report.as_json())
    elif json_file is not None:
        json_file.write_text(json.dumps(report.as_json(), indent=1) + "\n", encoding="utf-8")
    if svg_file is not None:
        svg_file.write_text(svg(report.charts()), encoding="utf-8")
    if as_markdown and not to_stdout:
        sys.stdout.write("\n".join(markdown(report)) + "\n")
    taken = to_stdout or as_markdown
    print_report(report, Console(stderr=taken, width=None if sys.stdout.isatty() else WIDTH))


def _list() -> None:
    rows = [
        {
            "scenario": name,
            "about": f"{scenario.seconds:.0f} s",
            "quick": f"{scenario.quick_s:.0f} s" + ("" if scenario.quick else ", when named"),
            "measures": scenario.summary,
        }
        for name, scenario in SCENARIOS.items()
    ]
    columns = [ListColumn(name) for name in ("scenario", "about", "quick", "measures")]
    print_list(rows, columns)
