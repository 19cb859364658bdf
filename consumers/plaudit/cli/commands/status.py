"""`plaudit status`: state of the pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import typer
from rich.table import Table

from plaudit.cli.ui.console import PlainConsole
from plaudit.cli.ui.output import Exit, note, print_json
from plaudit.control.status import Status, look
from plaudit.dlq.letters.letter import Kind
from plaudit.dlq.letters.reader import Census, count
from plaudit.kafka.settings import KafkaSettings
from plaudit.records.times import wall_ms


def command(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show brokers, topics, lag of both lanes, overdue records, and dead letters.

    Exit 1 if a topic is missing or unfit, an unreadable record blocks its partition, or the
    brokers are unavailable.
    """
    settings, now_ms = KafkaSettings(), wall_ms()
    status = look(settings, now_ms)
    missing = any("does not exist" in finding for finding in status.findings)
    dead = {} if missing else {kind: count(settings, kind, now_ms) for kind in Kind}
    unknown = None if missing else _unknown_endpoints(settings)
    if as_json:
        letters = {
            str(kind): {"alive": each.alive, "expiring_within_3d": each.expiring}
            for kind, each in dead.items()
        }
        print_json({**status.plain(), "dead_letters": letters, "unknown_endpoints": unknown})
    else:
        _print(status, dead)
        if unknown:
            note(
                f"plaudit: {unknown:,} endpoints are served that the database does not know; "
                "`plaudit endpoints sync --prune` lists and removes them"
            )
    for warning in status.warnings:
        note(f"plaudit: warning: {warning}")
    problems = [*status.findings, *(head.line() for head in status.heads)]
    if problems:
        for problem in problems:
            note(f"plaudit: {problem}")
        raise typer.Exit(Exit.FAILED)


def _unknown_endpoints(settings: KafkaSettings) -> int | None:
    """Count served endpoints that are not in the database; None without a database."""
    try:
        # A worker's installation has no database.
        from plaudit.cli.endpoints.strangers import count_strangers  # noqa: PLC0415 - of another extra
    except ModuleNotFoundError:
        return None
    return count_strangers(settings)


def _print(status: Status, dead: Mapping[Kind, Census]) -> None:
    console = PlainConsole()
    console.print(f"brokers: {status.brokers}")
    table = Table(
        "lane", "topic", "behind", "oldest", title="what is waiting", title_justify="left"
    )
    for each in status.topics:
        if each.behind:
            table.add_row(each.lane, each.topic, f"{each.behind:,}", _due(each.overdue_ms))
    console.print(table if table.row_count else "nothing is waiting")
    for kind, census in dead.items():
        more = f", of which {census.expiring:,} expire within 3 d" if census.expiring else ""
        console.print(f"dead letters ({kind}): {census.alive:,}{more}")


def _due(overdue_ms: int | None) -> str:
    if overdue_ms is None:
        return "?"
    seconds = overdue_ms / 1_000
    return f"overdue by {seconds:,.0f} s" if seconds > 0 else f"due in {-seconds:,.0f} s"
