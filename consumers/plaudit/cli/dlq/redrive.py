"""`plaudit dlq redrive` and `purge`: jobs that remove dead letters."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Final

import typer

from plaudit.bulk.guard import LAG_CAP
from plaudit.cli.dlq.as_job import queue_letters
from plaudit.cli.dlq.job_runner import (
    AsJob,
    RunOptions,
    by_policy,
    check_report,
    conclude,
    count_purge,
    run_order,
    show_counts,
)
from plaudit.cli.dlq.options import CHOICES, Chosen, choosing
from plaudit.cli.dlq.tables import nothing_matches
from plaudit.cli.ui.brokers import reachable_kafka
from plaudit.cli.ui.command_audit import record_command
from plaudit.cli.ui.endpoint_names import endpoint_id_of
from plaudit.cli.ui.output import Exit, fail, new_file
from plaudit.cli.ui.progress import watched
from plaudit.cli.ui.prompts import require_agreement
from plaudit.dlq.job.job import Order, purge
from plaudit.dlq.job.rules import RedriveOptions
from plaudit.dlq.job.throttle import JobLimits

_Yes = Annotated[bool, typer.Option("--yes", "-y", help="Skip the confirmation.")]
_Json = Annotated[bool, typer.Option("--json", help="Print the report as JSON.")]
_ReportFile = Annotated[
    Path | None, typer.Option("--report", help="Write the report to this file, as JSON.")
]
_Rate = Annotated[float | None, typer.Option(min=0.01, help="Most dead letters per second.")]
_EndpointRate = Annotated[
    float | None, typer.Option(min=0.01, help="Most per second to each endpoint.")
]
_Max = Annotated[int | None, typer.Option("--max", min=1, help="Most dead letters.")]


_BESIDE_JOB: Final = frozenset(CHOICES) | {
    *("job", "yes", "dry_run", "to", "rate", "endpoint_rate", "most"),
    *("max_redrives", "stop_after", "reset_attempts"),
}
_BESIDE_POLICY: Final = frozenset({"policy", "every", "report", "yes", "dry_run", "as_json"})


@choosing
def redrive_letters(
    chosen: Chosen,
    context: typer.Context,
    to: Annotated[
        str | None,
        typer.Option(metavar="ENDPOINT", help="Send to this endpoint of the same workspace."),
    ] = None,
    rate: _Rate = None,
    endpoint_rate: _EndpointRate = None,
    most: _Max = None,
    max_redrives: Annotated[
        int, typer.Option(min=1, help="Skip dead letters that were redriven this many times.")
    ] = 5,
    lag_cap: Annotated[
        int,
        typer.Option(min=0, help="Pause at this many records in deliveries.now; 0: never."),
    ] = LAG_CAP,
    stop_after: Annotated[
        int,
        typer.Option(min=0, help="Skip an endpoint after this many failures in a row; 0: never."),
    ] = 20,
    every: Annotated[
        str | None,
        typer.Option(metavar="DURATION", help="Repeat, such as 1h; needs --policy and --yes."),
    ] = None,
    policy: Annotated[
        Path | None, typer.Option(help="YAML file of policies, instead of options.")
    ] = None,
    report: _ReportFile = None,
    *,
    reset_attempts: Annotated[
        bool,
        typer.Option(
            "--reset-attempts/--keep-attempts",
            help="Give each its whole schedule again, or one attempt.",
        ),
    ] = True,
    job: AsJob = False,
    yes: _Yes = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only print what would be done.")
    ] = False,
    as_json: _Json = False,
) -> None:
    """Send dead letters again, after a preview and a confirmation.

    Safe to kill and restart: each dead letter is sent and removed in one transaction.

    Examples:
      plaudit dlq redrive --reason exhausted --since 24h --rate 200
      plaudit dlq redrive --endpoint 7d9f5c1e-52a4-4b0e-9a53-0c6d1f1f2a01 --yes
      plaudit dlq redrive --policy policies.yaml --every 1h --yes --report report.json
    """
    check_report(report)
    if job:
        _refuse_beside(context, _BESIDE_JOB, "--job: a job has no such option")
        target = None if to is None else endpoint_id_of(to, chosen.workspace)
        given = {
            "to": target,
            "rate": rate,
            "endpoint_rate": endpoint_rate,
            "max": most,
            "max_redrives": max_redrives,
            "stop_after": stop_after,
            "keep_attempts": not reset_attempts,
        }
        queue_letters("redrive", chosen, given, dry_run=dry_run)
        return
    manner = RunOptions(yes, dry_run, as_json, report)
    if policy is not None:
        _refuse_beside(context, _BESIDE_POLICY, "--policy: the file says what and how")
        by_policy(reachable_kafka(), policy, every, manner)
        return
    if every is not None:
        fail("--every: needs --policy FILE, which says what to resend", Exit.USAGE)
    options = RedriveOptions(reset_attempts, max_redrives)
    limits = JobLimits(rate, endpoint_rate, most, lag_cap, stop_after)
    target = None if to is None else endpoint_id_of(to, chosen.workspace)
    order = Order(chosen.kind, chosen.filter, options, target, limits)
    settings = reachable_kafka()
    done = run_order(settings, order, manner)
    if not done.matched:
        nothing_matches(settings, chosen)
    conclude([done], manner)


def _refuse_beside(context: typer.Context, allowed: frozenset[str], why: str) -> None:
    """Reject all other options that were given: they would be ignored."""
    options = {
        each.name: "/".join([each.opts[0], *each.secondary_opts])
        for each in context.command.params
        if each.name
    }
    sources = {name: context.get_parameter_source(name) for name in options}
    given = [name for name, source in sources.items() if source and source.name == "COMMANDLINE"]
    others = ", ".join(options[name] for name in given if name not in allowed)
    if others:
        fail(f"{why}; leave {others} out", Exit.USAGE)


@choosing
def purge_letters(
    chosen: Chosen,
    rate: _Rate = None,
    most: _Max = None,
    file: Annotated[
        Path | None, typer.Option("--export", help="Write them to this file first, as JSON lines.")
    ] = None,
    report: _ReportFile = None,
    *,
    everything: Annotated[
        bool, typer.Option("--all", help="Needed to purge without any filter.")
    ] = False,
    job: AsJob = False,
    yes: _Yes = False,
    as_json: _Json = False,
) -> None:
    """Remove dead letters permanently, after a preview and a confirmation.

    Example: plaudit dlq purge --endpoint 7d9f5c1e-52a4-4b0e-9a53-0c6d1f1f2a01 --export gone.jsonl
    """
    if chosen.filter.is_empty and not everything:
        fail("purge: give a filter, or --all for every dead letter", Exit.USAGE)
    check_report(report)
    if job:
        if not yes or file or report or as_json:
            why = "needs --yes, since nothing is counted first, and takes no --export and no report"
            fail(f"--job: {why}", Exit.USAGE)
        queue_letters("purge", chosen, {"rate": rate, "max": most, "all": everything})
        return
    settings = reachable_kafka()
    manner = RunOptions(yes, dry_run=False, as_json=as_json, report=report)
    order = Order(chosen.kind, chosen.filter, limits=JobLimits(rate=rate, most=most))
    if not yes:
        seen = count_purge(settings, order)
        show_counts(seen)
        if not seen.chosen:
            nothing_matches(settings, chosen)
            return
        question = f"Remove {seen.chosen:,} dead letters permanently?"
        require_agreement(question, "removed", yes=False)
    record_command("dead_letters.purged", chosen.kind.topic(settings.names), chosen.workspace)
    with ExitStack() as stack:
        kept = None if file is None else stack.enter_context(new_file(file))
        control = stack.enter_context(watched("purging"))
        done = purge(settings, order, kept, control)
    if not done.matched:
        nothing_matches(settings, chosen)
    conclude([done], manner)
