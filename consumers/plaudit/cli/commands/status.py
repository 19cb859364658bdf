"""`plaudit status`: state of the pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Final

import typer

from plaudit.cli.ui.listing import ListColumn, ValueForm, print_list
from plaudit.cli.ui.output import Exit, fail, note, plain, print_json
from plaudit.control.broker_reach import unreachable
from plaudit.control.status import Status, look
from plaudit.dlq.letters.letter import Kind
from plaudit.dlq.letters.reader import Census, count
from plaudit.kafka.settings import KafkaSettings
from plaudit.records.times import wall_ms

WAITING: Final = (
    ListColumn("lane"),
    ListColumn("topic"),
    ListColumn("behind", ValueForm.NUMBER),
    ListColumn("oldest"),
)
WORKERS: Final = (
    ListColumn("lane"),
    ListColumn("worker"),
    ListColumn("host"),
    ListColumn("partitions", ValueForm.NUMBER),
)


def command(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show brokers, workers, what waits in both lanes, and dead letters.

    Exit 1 if a topic is missing or unfit, an unreadable record blocks its partition, or the
    brokers can't be used; then the first line names the cause.
    """
    settings, now_ms = KafkaSettings(), wall_ms()
    problem = unreachable(settings)
    if problem is not None:
        if as_json:
            print_json({"brokers": settings.bootstrap_servers, "ok": False, "findings": [problem]})
        fail(problem)
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
                f"plaudit: workers serve {unknown:,} endpoints that are not in the database; "
                "`plaudit endpoints sync --prune` lists and removes them"
            )
    _conclude(status)


def _conclude(status: Status) -> None:
    for warning in status.warnings:
        note(f"plaudit: warning: {warning}")
    problems = [*status.findings, *(head.line() for head in status.heads)]
    for problem in problems:
        note(f"plaudit: {problem}")
    if problems:
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
    typer.echo(f"brokers: {plain(status.brokers)}")
    workers = [
        {"lane": lane, "worker": each.client_id, "host": each.host, "partitions": each.partitions}
        for lane, members in status.workers.items()
        for each in members or ()
    ]
    print_list(workers, WORKERS)
    waiting = [
        {**asdict(each), "oldest": _due(each.overdue_ms)} for each in status.topics if each.behind
    ]
    print_list(waiting, WAITING)
    if not waiting:
        typer.echo("nothing is waiting")
    for kind, census in dead.items():
        more = f", {census.expiring:,} of them expire within 3 d" if census.expiring else ""
        typer.echo(f"dead letters ({kind}): {census.alive:,}{more}")


def _due(overdue_ms: int | None) -> str:
    if overdue_ms is None:
        return "?"
    seconds = overdue_ms / 1_000
    return f"overdue by {seconds:,.0f} s" if seconds > 0 else f"due in {-seconds:,.0f} s"
