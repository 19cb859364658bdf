"""`plaudit dev`: the whole pipeline on this machine."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from plaudit.dev.run import Options, run
from plaudit.kafka.settings import BOOTSTRAP


def command(
    events: Annotated[
        int | None,
        typer.Option(min=1, help="Publish so many, wait until all is final, check the counts."),
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option(min=0, help="Events per second; 5 by default, with --events no limit."),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=16, help="Deliver processes.")] = 1,
) -> None:
    """Run the whole pipeline: Kafka, topics, deliverers, sample subscribers, traffic, live view.

    Uses the cluster in KAFKA_BOOTSTRAP_SERVERS if that is set, else Docker, else a local Kafka.
    Ctrl-C stops everything. With --events it exits 0 only if every event reached the good and the
    flaky subscriber and is a dead letter for the broken one.

    Examples: plaudit dev; plaudit dev --events 200 --workers 2
    """
    chosen = rate if rate is not None else (0.0 if events is not None else 5.0)
    bootstrap = os.environ.get(BOOTSTRAP) or None
    raise typer.Exit(run(Options(bootstrap, events, chosen, workers)))
