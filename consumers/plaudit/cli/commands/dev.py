"""`plaudit dev`: the whole pipeline on this machine."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from plaudit.cli.ui.output import Exit, fail
from plaudit.dev.run import Options, run
from plaudit.kafka.settings import BOOTSTRAP


def command(
    events: Annotated[
        int | None,
        typer.Option(min=1, help="Publish this many, wait until all are final, check counts."),
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option(min=0, help="Events per second; 5 by default, unlimited with --events."),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=16, help="Deliver processes.")] = 1,
    *,
    use_cluster: Annotated[
        bool,
        typer.Option("--use-cluster", help=f"Use the cluster in {BOOTSTRAP} without asking."),
    ] = False,
) -> None:
    """Run the whole pipeline: Kafka, topics, worker, sample subscribers, traffic, live view.

    Starts Kafka in Docker, or else on this machine. If KAFKA_BOOTSTRAP_SERVERS names a cluster, it
    asks first: it creates topics and groups `plaudit-dev-….*` there, and deletes them at the end.
    Ctrl-C, or closing the terminal, stops everything. With --events it exits 0 only if every event
    reached the good and the flaky subscriber and is a dead letter for the broken one.

    Examples: plaudit dev; plaudit dev --events 200 --workers 2
    """
    chosen = rate if rate is not None else (0.0 if events is not None else 5.0)
    bootstrap = os.environ.get(BOOTSTRAP) or None
    if bootstrap is not None and not use_cluster:
        _ask(bootstrap)
    raise typer.Exit(run(Options(bootstrap, events, chosen, workers)))


def _ask(bootstrap: str) -> None:
    """Ask for confirmation before using an existing cluster."""
    question = f"{BOOTSTRAP} is {bootstrap}: make topics plaudit-dev-….* there for this run?"
    if not sys.stdin.isatty():
        fail(f"{question} Give --use-cluster, or unset it", Exit.USAGE)
    if not typer.confirm(question, err=True):
        raise typer.Exit(Exit.USAGE)
