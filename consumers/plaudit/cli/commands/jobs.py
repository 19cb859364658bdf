"""`plaudit jobs`: run, list, show and cancel jobs."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Final

import orjson
import typer
from sqlalchemy.engine import Engine

from plaudit.cli.jobs_metrics import JobsHealth
from plaudit.cli.served import served
from plaudit.cli.ui.database import opened_database
from plaudit.cli.ui.ids import KnownObject, id_prefix, id_range, resolve, whole_id
from plaudit.cli.ui.listing import ListColumn, ValueForm, columns_option, print_list
from plaudit.cli.ui.output import Exit, fail, note, print_json
from plaudit.cli.ui.queueing import create_job
from plaudit.cli.ui.workspace_option import workspace_option
from plaudit.deliver.settings import ObservabilitySettings, SealSettings
from plaudit.dlq.letters.ages import LOOK_EVERY_S, LetterAges, LetterAgesCollector
from plaudit.jobs.runner import JobRunner
from plaudit.kafka.settings import KafkaSettings
from plaudit.recorder.background_jobs import PeriodicTask, PeriodicTasks
from plaudit.runtime.logging import configure_logs
from plaudit.store.jobs.job_model import JobKind, JobState, StoredJob
from plaudit.store.jobs.job_service import JOBS_PAGE, JobService

app = typer.Typer(no_args_is_help=True, help="Jobs: redrive, purge, replay, recovery and retry.")

CLOSE_S: Final = 20.0
COLUMNS: Final = (
    ListColumn("id", ValueForm.ID),
    ListColumn("kind"),
    ListColumn("state"),
    ListColumn("workspace_id", ValueForm.ID),
    ListColumn("moved", ValueForm.NUMBER),
    ListColumn("chosen", ValueForm.NUMBER),
    ListColumn("created_at", ValueForm.TIME),
    ListColumn("created_by"),
    ListColumn("dry_run", default=False),
    ListColumn("started_at", ValueForm.TIME, default=False),
    ListColumn("ended_at", ValueForm.TIME, default=False),
    ListColumn("error", default=False),
)
_Json = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]
_Job = Annotated[str, typer.Argument(metavar="JOB", help="The job's id, or its first characters.")]


@app.command()
def run(
    *,
    once: Annotated[bool, typer.Option("--once", help="End when no job is waiting.")] = False,
) -> None:
    """Run jobs until SIGTERM or Ctrl-C; by default, `plaudit record` does so too.

    Several runners may work at once: jobs that move dead letters still run one after the other.
    When a runner is killed, another one resumes its jobs after 15 s. Metrics are on
    PLAUDIT_METRICS_PORT.

    Example: plaudit jobs run
    """
    configure_logs()
    kafka = KafkaSettings()
    with _database() as engine:
        runner = JobRunner(engine, kafka, SealSettings().keys_if_set)
        if once:
            while runner.run_one():
                pass
            return
        stopped = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopped.set())
        health, ages = JobsHealth(), LetterAges(kafka)
        health.registry.register(LetterAgesCollector(ages))
        tasks = PeriodicTasks(PeriodicTask("dead-letter-ages", LOOK_EVERY_S, ages.look))
        with served(ObservabilitySettings(), health):
            tasks.start()
            runner.start()
            stopped.wait()
            runner.close(CLOSE_S)
            tasks.close(CLOSE_S)


@app.command("list")
def list_jobs(
    workspace: Annotated[str | None, workspace_option("Only jobs of this workspace.")] = None,
    kind: Annotated[JobKind | None, typer.Option(help="Only jobs of this kind.")] = None,
    state: Annotated[JobState | None, typer.Option(help="Only jobs in this state.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Most rows to print.")] = JOBS_PAGE,
    columns: Annotated[str | None, columns_option(COLUMNS)] = None,
    *,
    as_json: _Json = False,
) -> None:
    """List jobs, newest first.

    Example: plaudit jobs list --state running
    """
    with _database() as engine:
        page = JobService(engine).list(workspace, kind, state, limit=limit)
    found = [each.plain() for each in page.jobs]
    rows = found if as_json and columns is None else [_row(each) for each in found]
    print_list(rows, COLUMNS, columns, as_json=as_json, nothing="no jobs match")
    if page.cursor is not None:
        note(f"there are more than {limit:,}; --limit shows more")


@app.command()
def create(
    params: Annotated[
        str, typer.Argument(metavar="JSON", help="The job as JSON, as in POST /v1/jobs.")
    ],
    workspace: Annotated[
        str | None, workspace_option("Id of the workspace that the job is restricted to.")
    ] = None,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only count what it would do.")
    ] = False,
) -> None:
    """Queue a job for a runner; prints its id.

    Example: plaudit jobs create '{"kind": "redrive", "filter": {"since": "24h"}, "rate": 200}'
    """
    try:
        given = orjson.loads(params)
    except orjson.JSONDecodeError as error:
        fail(f"the job is not JSON: {error}", Exit.USAGE)
    create_job(given, workspace, dry_run=dry_run)


@app.command()
def show(job: _Job) -> None:
    """Show a job with its progress and its report, as JSON."""
    with _database() as engine:
        jobs = JobService(engine)
        print_json(jobs.get(_id_of(jobs, job)).plain())


@app.command()
def cancel(job: _Job) -> None:
    """Cancel a job: a queued one at once, a running one at the end of its batch."""
    with _database() as engine:
        jobs = JobService(engine)
        found = jobs.cancel(_id_of(jobs, job))
    note(_said(found))


def _id_of(jobs: JobService, text: str) -> str:
    """Return the id of the job that a text names; exit if it fits none or several."""
    prefix = id_prefix(text)
    ids = jobs.ids_between(*id_range(prefix)) if prefix and whole_id(text) is None else ()
    return resolve(text, "job", lambda: map(KnownObject, ids))


def _said(job: StoredJob) -> str:
    if job.state == JobState.CANCELLED:
        return f"cancelled {job.job_id}"
    if job.is_over:
        return f"{job.job_id} is over ({job.state})"
    return f"{job.job_id} ends after its current batch"


def _row(job: dict[str, Any]) -> dict[str, Any]:
    progress = job["progress"]
    kind = f"{job['kind']} (dry run)" if job["dry_run"] else job["kind"]
    workspace = job["workspace_id"] or "all"
    counts = {name: progress[name] for name in ("moved", "chosen")}
    return {**job, **counts, "kind": kind, "workspace_id": workspace}


@contextmanager
def _database() -> Iterator[Engine]:
    engine = opened_database()
    try:
        yield engine
    finally:
        engine.dispose()
