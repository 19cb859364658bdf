"""`plaudit replay`: sends events of a time range to one endpoint again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final
from uuid import UUID

import typer

from plaudit.bulk.guard import LAG_CAP
from plaudit.cli.dlq.as_job import queue_job
from plaudit.cli.dlq.job_runner import AsJob, RunOptions, check_report, conclude, show_counts
from plaudit.cli.ui.command_audit import record_command
from plaudit.cli.ui.endpoint_names import endpoint_id_of
from plaudit.cli.ui.output import Exit, fail
from plaudit.cli.ui.progress import watched
from plaudit.cli.ui.prompts import require_agreement
from plaudit.cli.ui.workspace_option import workspace_option
from plaudit.dlq.job.report import Report
from plaudit.dlq.job.throttle import JobLimits
from plaudit.dlq.replay.choice import ReplayOrder
from plaudit.dlq.replay.replay import preview, replay
from plaudit.events.catalogue import lookup
from plaudit.kafka.permissions import require_brokers
from plaudit.kafka.schemas.lookup import BlockingSchemaLookup, SchemaLookup
from plaudit.kafka.settings import KafkaSettings

SCHEMAS_S: Final = 10.0


def command(
    endpoint: Annotated[
        str,
        typer.Argument(metavar="ENDPOINT", help="Its name, its id, or the first characters of it."),
    ],
    since: Annotated[
        str,
        typer.Option(
            metavar="TIME",
            help="Start: RFC 3339, an age such as 2h, or `disabled`: when it was disabled.",
        ),
    ],
    until: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="End; by default now, or when it was enabled again."),
    ] = None,
    workspace: Annotated[
        str | None, workspace_option("Id of the workspace, if the name is not unique.")
    ] = None,
    types: Annotated[
        list[str] | None,
        typer.Option("--type", metavar="TYPE", help="Only this event type; repeatable."),
    ] = None,
    spaces: Annotated[
        list[str] | None,
        typer.Option("--space", metavar="UUID", help="Only of this space; repeatable."),
    ] = None,
    rate: Annotated[float | None, typer.Option(min=0.01, help="Most events per second.")] = None,
    most: Annotated[
        int | None, typer.Option("--max", min=1, help="Most events; the next run continues.")
    ] = None,
    lag_cap: Annotated[
        int,
        typer.Option(min=0, help="Pause at this many records in deliveries.now; 0: never."),
    ] = LAG_CAP,
    stop_after: Annotated[
        int, typer.Option(min=0, help="Stop after this many failures in a row; 0: never.")
    ] = 20,
    report: Annotated[
        Path | None, typer.Option(help="Write the report to this file, as JSON.")
    ] = None,
    *,
    again: Annotated[
        bool,
        typer.Option("--again", help="Replay even if a replay was done or is unfinished."),
    ] = False,
    job: AsJob = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Skip the confirmation.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only print what would be sent.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Send events of a time range to one endpoint again, after a preview and a confirmation.

    The events keep their id, and requests have `plaudit-replay: true`. A killed replay resumes
    when it is started again with the same options.

    Examples:
      plaudit replay 7d9f5c1e-52a4-4b0e-9a53-0c6d1f1f2a01 --since 2026-11-24T00:00:00Z --rate 100
      plaudit replay 7d9f5c1e-52a4-4b0e-9a53-0c6d1f1f2a01 --since disabled --yes
    """
    endpoint_id = endpoint_id_of(endpoint, workspace)
    if job:
        if report or as_json or lag_cap != LAG_CAP:
            fail("--job: a job takes no --report, --json and --lag-cap", Exit.USAGE)
        asked = {
            "kind": "replay",
            "endpoint_id": endpoint_id,
            "since": since,
            "until": until,
            "types": types or (),
            "spaces": spaces or (),
            "rate": rate,
            "max": most,
            "again": again,
            "stop_after": stop_after,
        }
        queue_job(asked, dry_run=dry_run)
        return
    order = ReplayOrder(
        endpoint_id,
        since,
        until,
        frozenset(lookup(name).name for name in types or ()),
        frozenset(_uuid("--space", each) for each in spaces or ()),
        JobLimits(rate=rate, most=most, lag_cap=lag_cap, stop_after=stop_after),
        again,
    )
    check_report(report)
    manner = RunOptions(yes, dry_run, as_json, report)
    conclude([run_replay(KafkaSettings(), order, manner)], manner)


def run_replay(settings: KafkaSettings, order: ReplayOrder, manner: RunOptions) -> Report:
    """Replay, after a preview and a confirmation if required."""
    with _schemas(settings) as schemas:
        if manner.dry_run or not manner.yes:
            with watched("looking") as control:
                seen = preview(settings, order, schemas, control)
            show_counts(seen)
            if not seen.chosen or manner.dry_run:
                return seen
            require_agreement(f"Send {seen.chosen:,} events again?", "sent", yes=False)
        record_command("events.replayed", order.endpoint)
        with watched("replaying") as control:
            return replay(settings, order, schemas, control)


@contextmanager
def _schemas(settings: KafkaSettings) -> Iterator[BlockingSchemaLookup]:
    require_brokers(settings)
    schemas = SchemaLookup(settings)
    schemas.start()
    try:
        schemas.wait_ready(SCHEMAS_S)
        yield BlockingSchemaLookup(schemas)
    finally:
        schemas.close()


def _uuid(option: str, text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        fail(f"{option}: {text!r} is not a UUID", Exit.USAGE)
