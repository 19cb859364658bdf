"""Runner of dead-letter jobs: confirmation, progress, report, and exit code."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from plaudit.bulk.control import Control
from plaudit.bulk.private import privately
from plaudit.cli.dlq.tables import count_lines
from plaudit.cli.ui.command_audit import record_command
from plaudit.cli.ui.output import Exit, fail, note, print_json
from plaudit.cli.ui.progress import watched
from plaudit.cli.ui.prompts import require_agreement
from plaudit.dlq.job.job import Order, preview, preview_purge, redrive
from plaudit.dlq.job.policy import Policies, every_ms, read_policies
from plaudit.dlq.job.report import Report
from plaudit.kafka.errors import KafkaFailure
from plaudit.kafka.settings import KafkaSettings
from plaudit.records.times import wall_ms


@dataclass(frozen=True, slots=True)
class RunOptions:
    """Options of a run.

    Attributes:
        yes: skip the confirmation.
        dry_run: only show what would happen.
        as_json: print the report as JSON.
        report: file for the report.
    """

    yes: bool
    dry_run: bool
    as_json: bool
    report: Path | None


AsJob = Annotated[
    bool, typer.Option("--job", help="Queue it as a job, which a runner carries out; print its id.")
]


def check_report(file: Path | None) -> None:
    """Exit if a report can't be written to a file, before anything is done."""
    if file is not None and not os.access(file.parent, os.W_OK):
        why = "the folder is read-only" if file.parent.is_dir() else "the folder does not exist"
        fail(f"--report: {file}: {why}", Exit.USAGE)


def run_order(settings: KafkaSettings, order: Order, manner: RunOptions) -> Report:
    """Redrive, after a preview and a confirmation if required."""
    if manner.dry_run or not manner.yes:
        with watched("looking") as control:
            seen = preview(settings, order, control)
        show_counts(seen)
        if not seen.chosen or manner.dry_run:
            return seen
        require_agreement(f"Resend {seen.chosen:,} dead letters?", "sent", yes=False)
    record_command("dead_letters.redriven", order.name or order.kind.topic(settings.names))
    with watched("redriving") as control:
        return redrive(settings, order, control)


def count_purge(settings: KafkaSettings, order: Order) -> Report:
    """Print what a purge would remove."""
    with watched("looking") as control:
        return preview_purge(settings, order, control)


def show_counts(seen: Report) -> None:
    """Print what would be moved, and what would stay."""
    note(f"Would {seen.verb} {seen.chosen:,} of {seen.looked_at:,} {seen.noun}.")
    for line in (*count_lines(seen.counts), *seen.lines()):
        note(line)


def by_policy(settings: KafkaSettings, file: Path, every: str | None, manner: RunOptions) -> None:
    """Run a file of policies, once or at an interval until stopped."""
    policies = read_policies(file, wall_ms())
    interval = every or policies.every if manner.yes and not manner.dry_run else None
    if every is not None and interval is None:
        why = (
            "a dry run is done once" if manner.dry_run else "confirmation is not possible each time"
        )
        way_out = "leave one of them out" if manner.dry_run else "give --yes"
        fail(f"--every: {why}; {way_out}", Exit.USAGE)
    if interval is None:
        conclude([run_order(settings, each, manner) for each in policies.orders(wall_ms())], manner)
        return
    interval_s = every_ms(interval) / 1_000
    record_command("dead_letters.redriven", str(file))
    with watched("redriving") as control:
        while not control.stopping:
            began = control.now()
            _once(settings, policies, manner, control)
            control.wait(max(0.0, began + interval_s - control.now()))


def _once(
    settings: KafkaSettings, policies: Policies, manner: RunOptions, control: Control
) -> None:
    """Run every policy; a failure is reported, and retried at the next interval."""
    done = []
    for order in policies.orders(wall_ms()):
        if control.stopping:
            break
        try:
            done.append(redrive(settings, order, control))
        except KafkaFailure as failure:
            note(f"plaudit: {order.name}: {failure}; the next run tries again")
    tell(done, manner)


def conclude(reports: Sequence[Report], manner: RunOptions) -> None:
    """Report, and exit with 1 if something was left undone."""
    tell(reports, manner)
    for each in reports:
        if each.stopped is not None:
            fail(f"{each.action}: {each.stopped}")
    if any(each.skipped for each in reports) and not manner.dry_run:
        raise typer.Exit(Exit.FAILED)


def tell(reports: Sequence[Report], manner: RunOptions) -> None:
    """Print reports and write them to the file."""
    for each in reports:
        if manner.as_json:
            print_json(each.plain())
        elif each.ended_at_ms is not None:
            name = f"{each.name}: " if each.name else ""
            note(f"{name}{each.headline}")
            for line in each.lines():
                note(line)
    if manner.report is not None:
        _write(manner.report, [each.plain() for each in reports])


def _write(file: Path, runs: list[dict[str, object]]) -> None:
    """Write the report atomically, so that readers never see half of it."""
    half = file.with_name(f".{file.name}.part")
    try:
        half.unlink(missing_ok=True)
        with open(half, "x", encoding="utf-8", opener=privately) as written:
            written.write(json.dumps({"runs": runs}, indent=2) + "\n")
        half.replace(file)
    except OSError as error:
        fail(f"--report: {file}: {error.strerror}")
