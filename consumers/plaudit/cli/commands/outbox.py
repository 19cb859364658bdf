"""`plaudit outbox`: a service's outbox table and its relay."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from plaudit.cli.outbox_metrics import Watched
from plaudit.cli.ui.durations import duration_option
from plaudit.cli.ui.output import Exit, fail, note, print_json
from plaudit.cli.ui.ports import cannot_listen
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.write.producer import ProducerConfig
from plaudit.outbox import table
from plaudit.outbox.events import RecordMaker
from plaudit.outbox.queue import EventQueue
from plaudit.outbox.service import POLL_S, RelayService
from plaudit.outbox.settings import OutboxSettings, open_queue, read_settings
from plaudit.publish.schema_ids import RegistryIds
from plaudit.runtime.logging import configure_logs
from plaudit.runtime.ops_server import HealthServer
from plaudit.tracing.publish import event_producer
from plaudit.tracing.writer import closed, open_tracing

app = typer.Typer(no_args_is_help=True, help="Relay, inspect and create a service's outbox table.")


@app.command()
def relay(
    *,
    once: Annotated[
        bool, typer.Option("--once", help="Relay the waiting rows, then exit.")
    ] = False,
    poll: Annotated[
        float,
        duration_option("Polling interval without notifications.", default_s=POLL_S, least_s=0.01),
    ] = POLL_S,
) -> None:
    """Publish the rows of an outbox, in order per key, until stopped.

    PLAUDIT_OUTBOX_URL names the outbox. Of several relays of one outbox, one is active and the
    others stand by. On SIGTERM or Ctrl-C the relay finishes records in flight and exits with 0.

    Examples:
      PLAUDIT_OUTBOX_URL=postgresql://app@db/app plaudit outbox relay
      PLAUDIT_OUTBOX_URL=sqlite:///app.db plaudit outbox relay --once
    """
    configure_logs()
    kafka, settings = KafkaSettings(), read_settings()
    kafka.client_config()
    queue = open_queue(settings, RecordMaker(kafka.names, RegistryIds(kafka)))
    # Records that time out could be reordered.
    forever = ProducerConfig(delivery_timeout_ms=0)
    tracing = open_tracing("plaudit-relay")
    service = RelayService(queue, lambda: event_producer(kafka, forever, tracing), poll)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: service.stop())
    with closed(tracing), _metrics(settings, service):
        service.run(until_empty=once)
    if once and service.tally.refused:
        fail(f"{service.tally.refused} rows can't be published; see `plaudit outbox status`")
    if once and service.tally.shut:
        shut = ", ".join(service.tally.shut)
        fail(f"rows for {shut} wait: the topic can't be written to; see the log")


@app.command()
def ddl(
    dialect: Annotated[
        table.Dialect | None,
        typer.Option(help="Database of the table; by default that of PLAUDIT_OUTBOX_URL."),
    ] = None,
    name: Annotated[
        str, typer.Option("--table", metavar="NAME", help="Name of the table.")
    ] = table.TABLE,
    *,
    notify: Annotated[bool, typer.Option(help="Postgres: wake the relay with each insert.")] = True,
) -> None:
    """Print the statements that create the table, for your own migrations.

    Example: plaudit outbox ddl --dialect postgresql | psql
    """
    typer.echo(table.ddl(dialect or read_settings().dialect, name, notify=notify), nl=False)


@app.command()
def status(*, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Count waiting and refused rows; exit 1 if rows are refused."""
    with _queue() as queue:
        found = queue.backlog()
    if as_json:
        print_json(found._asdict())
    else:
        typer.echo(f"waiting {found.waiting:,}, the oldest for {found.oldest_s:.0f} s")
        typer.echo(f"refused {found.refused:,}")
    if found.refused:
        note("plaudit: the column `refusal` gives the reasons; `plaudit outbox retry` retries them")
        raise typer.Exit(Exit.FAILED)


@app.command()
def retry() -> None:
    """Make refused rows eligible again."""
    with _queue() as queue:
        note(f"{queue.retry():,} rows wait again")


@contextmanager
def _queue() -> Iterator[EventQueue]:
    queue = open_queue(read_settings(), RecordMaker(KafkaSettings().names, lambda _: None))
    try:
        yield queue
    finally:
        queue.release()


@contextmanager
def _metrics(settings: OutboxSettings, service: RelayService) -> Iterator[None]:
    """Serve /metrics, /healthz and /readyz, if a port is configured."""
    port = settings.metrics_port
    if not port:
        yield
        return
    host = "0.0.0.0"  # noqa: S104 - scraped from elsewhere
    try:
        server = HealthServer(Watched(service), host, port)
    except OSError as error:
        fail(f"PLAUDIT_OUTBOX_METRICS_PORT: {cannot_listen(error, host, port)}", Exit.USAGE)
    try:
        yield
    finally:
        server.close()
