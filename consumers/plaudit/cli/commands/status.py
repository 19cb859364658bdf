"""`plaudit status`: state of the pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Final

import typer

from plaudit.cli.ui.durations import duration_option
from plaudit.cli.ui.listing import ListColumn, ValueForm, aligned
from plaudit.cli.ui.output import Exit, fail, note, plain, print_json
from plaudit.control.broker_reach import ANSWER_S, servers_of, unreachable
from plaudit.kafka.settings import KafkaSettings
from plaudit.records.times import wall_ms

if TYPE_CHECKING:
    from plaudit.control.status import Status
    from plaudit.dlq.letters.letter import Kind
    from plaudit.dlq.letters.reader import Census

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
    timeout: Annotated[
        float,
        duration_option("Most time to wait for a broker's answer.", default_s=ANSWER_S),
    ] = ANSWER_S,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show brokers, workers, what waits in each lane, and dead letters.

    Exit 1 if a topic is missing or unsuitable, an unreadable record blocks its partition, or the
    brokers can't be used; then the first line names the cause.
    """
    settings, now_ms = KafkaSettings(), wall_ms()
    problem = unreachable(settings, timeout)
    if problem is not None:
        if as_json:
            brokers = ",".join(servers_of(settings))
            print_json({"brokers": brokers, "ok": False, "findings": [problem]})
        fail(problem)
    # The command reports unusable brokers before it spends time on these imports.
    from plaudit.control.status import read_status  # noqa: PLC0415 - takes long
    from plaudit.dlq.letters.letter import Kind  # noqa: PLC0415 - takes long
    from plaudit.dlq.letters.reader import count  # noqa: PLC0415 - takes long

    status = read_status(settings, now_ms)
    missing = any("does not exist" in finding for finding in status.findings)
    dead = {} if missing else {kind: count(settings, kind, now_ms) for kind in Kind}
    if not as_json:
        _print(status, dead)
    # Last, because an unresponsive database delays the command.
    unknown = None if missing else _unknown_endpoints(settings)
    if as_json:
        print_json({**status.plain(), "dead_letters": _counts(dead), "unknown_endpoints": unknown})
    elif unknown:
        note(
            f"plaudit: workers serve {unknown:,} endpoints that are not in the database; "
            "`plaudit endpoints sync --prune` lists and removes them"
        )
    _conclude(status)


def _counts(dead: Mapping[Kind, Census]) -> dict[str, dict[str, int]]:
    return {
        str(kind): {"alive": each.alive, "expiring_within_3d": each.expiring}
        for kind, each in dead.items()
    }


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
        from plaudit.cli.endpoints.unknown_endpoints import count_unknown  # noqa: PLC0415 - of another extra
    except ModuleNotFoundError:
        return None
    return count_unknown(settings)


def _print(status: Status, dead: Mapping[Kind, Census]) -> None:
    """Print a report for people; programs use `--json`."""
    lines = [
        f"brokers: {plain(status.brokers)}",
        *aligned(_workers(status), WORKERS),
        *(aligned(_waiting(status), WAITING) or ["nothing is waiting"]),
    ]
    for kind, census in dead.items():
        more = f", {census.expiring:,} of them expire within 3 d" if census.expiring else ""
        lines.append(f"dead letters ({kind}): {census.alive:,}{more}")
    for line in lines:
        typer.echo(line)


def _workers(status: Status) -> list[dict[str, object]]:
    return [
        {
            "lane": lane,
            "worker": each.client_id,
            # Brokers write an address after a slash.
            "host": each.host.lstrip("/"),
            "partitions": each.partitions,
        }
        for lane, members in status.workers.items()
        for each in members or ()
    ]


def _waiting(status: Status) -> list[dict[str, object]]:
    return [
        {
            "lane": each.lane,
            "topic": each.topic,
            "behind": each.behind,
            "oldest": _due(each.overdue_ms),
        }
        for each in status.topics
        if each.behind
    ]


def _due(overdue_ms: int | None) -> str:
    if overdue_ms is None:
        return "?"
    seconds = overdue_ms / 1_000
    return f"overdue by {seconds:,.0f} s" if seconds > 0 else f"due in {-seconds:,.0f} s"
