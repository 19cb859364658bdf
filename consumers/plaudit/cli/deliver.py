"""`plaudit deliver`: the consumer groups, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import asyncio
import signal
import ssl
from typing import Annotated

import typer
import uvloop

from plaudit.cli.logs import configure_logs
from plaudit.cli.output import Exit, fail
from plaudit.deliver.health import Health, HealthServer
from plaudit.deliver.sending import make_context, make_sender
from plaudit.deliver.settings import DeliverSettings
from plaudit.deliver.startup import lane_topics
from plaudit.deliver.worker import LaneName, Worker
from plaudit.endpoints.keys import SecretKeys
from plaudit.kafka.settings import KafkaSettings


def command(
    lane: Annotated[
        list[LaneName] | None, typer.Option(help="Serve this lane only; both by default.")
    ] = None,
) -> None:
    """Deliver events to endpoints, until stopped.

    Start it as often as there are partitions; they share the work. SIGTERM and Ctrl-C finish what
    is under way, commit, and exit with 0.

    Examples:
      plaudit deliver
      plaudit deliver --lane deliveries
    """
    configure_logs()
    kafka, settings = KafkaSettings(), DeliverSettings()
    # A setting that can't be used is told before anything starts.
    kafka.client_config()
    SecretKeys.from_setting(settings.secret_key.get_secret_value())
    context = make_context(settings)
    health = Health()
    try:
        server = (
            HealthServer(health, settings.metrics_host, settings.metrics_port)
            if settings.metrics_port
            else None
        )
    except OSError as error:
        fail(
            f"PLAUDIT_METRICS_PORT: can't listen on {settings.metrics_host}:"
            f"{settings.metrics_port}: {error.strerror}; choose another port, or 0 for none",
            Exit.USAGE,
        )
    try:
        uvloop.run(_deliver(kafka, settings, context, health, lane or list(LaneName)))
    finally:
        if server is not None:
            server.close()


async def _deliver(
    kafka: KafkaSettings,
    settings: DeliverSettings,
    context: ssl.SSLContext,
    health: Health,
    lanes: list[LaneName],
) -> None:
    sender = make_sender(settings, context)
    loop = asyncio.get_running_loop()
    starting = asyncio.create_task(lane_topics(kafka))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, starting.cancel)
    try:
        topics = await starting
    except asyncio.CancelledError:
        return
    worker = Worker(kafka, settings, sender)
    health.watch(worker)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, worker.stop)
    try:
        await worker.run(topics, lanes)
    finally:
        await sender.aclose()
