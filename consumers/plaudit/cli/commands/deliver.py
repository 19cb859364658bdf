"""`plaudit deliver`: a worker, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import asyncio
import signal
import ssl
import sys
from collections.abc import Callable
from contextlib import ExitStack
from typing import Annotated, Final

import typer
import uvloop

from plaudit.cli.served import served
from plaudit.deliver.attempts_framing import attempts_framing
from plaudit.deliver.http_client import make_context, make_sender
from plaudit.deliver.preflight import lane_topics
from plaudit.deliver.process.health import Health
from plaudit.deliver.process.lifeline import Lifeline
from plaudit.deliver.settings import DeliverSettings
from plaudit.deliver.worker import LaneName, Worker
from plaudit.kafka.settings import KafkaSettings
from plaudit.runtime.gc_tuning import bound_malloc, spare_the_collector, switch_threads_soon
from plaudit.runtime.logging import configure_logs
from plaudit.runtime.ops_server import HealthServer
from plaudit.runtime.process_name import process_name
from plaudit.tracing.writer import Tracing, closed, open_tracing

MOST_WORKERS: Final = 256
_PROGRAM: Final = ("-c", "from plaudit.cli.main import main; main()", "deliver")


def command(
    lane: Annotated[
        list[LaneName] | None, typer.Option(help="Serve this lane only; both by default.")
    ] = None,
    workers: Annotated[
        int,
        typer.Option(
            min=1, max=MOST_WORKERS, help="Processes to run; useful up to one for each core."
        ),
    ] = 1,
    lifeline: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Deliver events to endpoints, until stopped.

    Run up to one process per partition; they share the work. On SIGTERM or Ctrl-C a worker finishes
    requests in flight, commits, and exits with 0. With --workers, one process supervises several:
    it restarts workers that end, and serves /metrics, /healthz and /readyz for all of them. A
    second signal kills them.

    Examples:
      plaudit deliver
      plaudit deliver --workers 4
      plaudit deliver --lane deliveries
    """
    configure_logs(process_name() if workers == 1 else None)
    bound_malloc()
    kafka, settings = KafkaSettings(), DeliverSettings()
    # Report an invalid setting before anything starts.
    kafka.client_config()
    _ = settings.seal.keys
    context = make_context(settings.http)
    lanes = lane or list(LaneName)
    if workers > 1:
        raise typer.Exit(uvloop.run(_supervise(settings, lanes, workers)))
    health = Health()
    with ExitStack() as stack:
        if lifeline is None:
            stack.enter_context(served(settings.observability, health))
        else:
            server = HealthServer(health, "127.0.0.1", 0)
            stack.callback(server.close)
            Lifeline(lifeline).start(server.port)
        tracing = open_tracing("plaudit-deliver")
        stack.enter_context(closed(tracing))
        uvloop.run(_deliver(kafka, settings, context, health, lanes, tracing))


async def _supervise(settings: DeliverSettings, lanes: list[LaneName], count: int) -> int:
    # Only a supervisor needs the parser of metrics.
    from plaudit.deliver.process.aggregate import FleetHealth  # noqa: PLC0415 - takes long
    from plaudit.deliver.process.supervisor import Supervisor  # noqa: PLC0415 - takes long

    chosen = [word for lane in lanes for word in ("--lane", str(lane))]
    supervisor = Supervisor([sys.executable, *_PROGRAM, *chosen], count)
    _on_signals(supervisor.stop)
    with served(settings.observability, FleetHealth(supervisor)):
        return await supervisor.run()


async def _deliver(
    kafka: KafkaSettings,
    settings: DeliverSettings,
    context: ssl.SSLContext,
    health: Health,
    lanes: list[LaneName],
    tracing: Tracing | None,
) -> None:
    framing = attempts_framing(kafka, settings.observability.attempts_framing)
    sender = make_sender(settings.http, context)
    starting = asyncio.create_task(lane_topics(kafka))
    _on_signals(starting.cancel)
    try:
        topics = await starting
    except asyncio.CancelledError:
        return
    worker = Worker(kafka, settings, sender, tracing)
    worker.settler.framing = framing
    spare_the_collector()
    switch_threads_soon()
    health.watch(worker)
    _on_signals(worker.stop)
    try:
        await worker.run(topics, lanes)
    finally:
        await sender.aclose()


def _on_signals(stop: Callable[[], object]) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
