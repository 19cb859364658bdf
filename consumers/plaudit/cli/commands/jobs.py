"""`plaudit jobs`: run, list, show and cancel jobs."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Final

import orjson
import typer
from pydantic import ValidationError
from rich.table import Column, Table
from sqlalchemy.engine import Engine

from plaudit.cli.jobs_metrics import JobsHealth
from plaudit.cli.served import served
from plaudit.cli.ui.console import PlainConsole
from plaudit.cli.ui.database import opened_database
from plaudit.cli.ui.output import Exit, fail, note, print_json
from plaudit.deliver.settings import ObservabilitySettings
from plaudit.dlq.letters.ages import LOOK_EVERY_S, LetterAges, LetterAgesCollector
from plaudit.jobs.params import JobParamsHolder, lane_of, settled
from plaudit.jobs.runner import JobRunner
from plaudit.kafka.settings import KafkaSettings
from plaudit.recorder.background_jobs import Chore, Chores
from plaudit.runtime.logging import configure_logs
from plaudit.store.endpoints.spec import uuid_text
from plaudit.store.jobs.job_model import JobKind, JobState, StoredJob
from plaudit.store.jobs.job_service import JobService

app = typer.Typer(no_args_is_help=True, help="Jobs: redrive, purge, replay, recovery and retry.")

CLOSE_S: Final = 20.0
_COLUMNS: Final = ("job", "kind", "state", "workspace", "finished", "of", "by")
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_Job = Annotated[str, typer.Argument(metavar="JOB", help="The job's id.")]


@app.command()
def run(
    *,
    once: Annotated[bool, typer.Option("--once", help="End when no job is waiting.")] = False,
) -> None:
    """Carry out jobs until SIGTERM or Ctrl-C; `plaudit record` does this, too, by default.

    Several may run: jobs that move dead letters run one after the other. When a runner is killed,
    another one resumes its jobs after 15 s. Metrics are on PLAUDIT_METRICS_PORT.

    Example: plaudit jobs run
    """
    configure_logs()
    kafka = KafkaSettings()
    with _database() as engine:
        runner = JobRunner(engine, kafka)
        if once:
            while runner.run_one():
                pass
            return
        stopped = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopped.set())
        health, ages = JobsHealth(), LetterAges(kafka)
        health.registry.register(LetterAgesCollector(ages))
        chores = Chores(Chore("dead-letter-ages", LOOK_EVERY_S, ages.look))
        with served(ObservabilitySettings(), health):
            chores.start()
            runner.start()
            stopped.wait()
            runner.close(CLOSE_S)
            chores.close(CLOSE_S)


@app.command("list")
def list_jobs(
    workspace: Annotated[str | None, typer.Option(help="Of this workspace only.")] = None,
    kind: Annotated[JobKind | None, typer.Option(help="Of this kind only.")] = None,
    state: Annotated[JobState | None, typer.Option(help="In this state only.")] = None,
    *,
    as_json: _Json = False,
) -> None:
    """List jobs, newest first.

    Example: plaudit jobs list --state running
    """
    with _database() as engine:
        found = [each.plain() for each in JobService(engine).list(workspace, kind, state).jobs]
    if as_json:
        for each in found:
            print_json(each)
        return
    table = Table(*(Column(name, overflow="fold") for name in _COLUMNS))
    for each in found:
        table.add_row(*_row(each))
    PlainConsole().print(table)


@app.command()
def create(
    params: Annotated[str, typer.Argument(help="The order as JSON, as in POST /v1/jobs.")],
    workspace: Annotated[str | None, typer.Option(help="Restrict it to this workspace.")] = None,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only count what it would do.")
    ] = False,
) -> None:
    """Queue a job for a runner; prints its id.

    Example: plaudit jobs create '{"kind": "redrive", "filter": {"since": "24h"}, "rate": 200}'
    """
    try:
        asked = settled(JobParamsHolder.model_validate({"params": orjson.loads(params)}).params)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"][1:]) or "the order"
        fail(f"{place}: {first['msg']}; see docs/jobs.md", Exit.USAGE)
    except orjson.JSONDecodeError as error:
        fail(f"the order is not JSON: {error}", Exit.USAGE)
    owner = None if workspace is None else uuid_text("workspace", workspace)
    with _database() as engine:
        job = JobService(engine).create(
            JobKind(asked.kind),
            lane_of(asked),
            asked.model_dump(mode="json"),
            owner,
            dry_run=dry_run,
        )
    typer.echo(job.job_id)


@app.command()
def show(job: _Job) -> None:
    """Show a job with its progress and its report, as JSON."""
    with _database() as engine:
        print_json(JobService(engine).get(job).plain())


@app.command()
def cancel(job: _Job) -> None:
    """Cancel a job: a queued one at once, a running one at the end of its batch."""
    with _database() as engine:
        found = JobService(engine).cancel(job)
    note(_said(found))


def _said(job: StoredJob) -> str:
    if job.state == JobState.CANCELLED:
        return f"cancelled {job.job_id}"
    if job.is_over:
        return f"{job.job_id} is over ({job.state})"
    return f"{job.job_id} ends after its current batch"


def _row(job: dict[str, Any]) -> list[str]:
    progress = job["progress"]
    kind = f"{job['kind']} (dry run)" if job["dry_run"] else job["kind"]
    workspace = job["workspace_id"] or "all"
    counts = f"{progress['moved']:,}", f"{progress['chosen']:,}"
    return [job["id"], kind, job["state"], workspace, *counts, job["created_by"]]


@contextmanager
def _database() -> Iterator[Engine]:
    engine = opened_database()
    try:
        yield engine
    finally:
        engine.dispose()
