"""`plaudit record`: the recorder, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from typing import Annotated, Final, TypeVar

import typer
from prometheus_client import CollectorRegistry
from sqlalchemy.engine import Engine

from plaudit.cli.served import served
from plaudit.cli.ui.database import database_url, opened_database
from plaudit.cli.ui.output import fail, note, print_json
from plaudit.cli.ui.progress import watched
from plaudit.deliver.preflight import lane_topics
from plaudit.deliver.settings import DeliverSettings
from plaudit.dlq.letters.ages import LOOK_EVERY_S, LetterAges, LetterAgesCollector
from plaudit.endpoints.keys import SecretKeys
from plaudit.jobs.runner import JobRunner
from plaudit.kafka.admin.client import Admin
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.write.producer import Producer, ProducerConfig
from plaudit.logs.logger import event_logger
from plaudit.logs.once_logger import OnceLogger
from plaudit.recorder.background_jobs import (
    NOTIFY_EVERY_S,
    PeriodicTask,
    PeriodicTasks,
    label_task,
    prune_task,
    relay_task,
)
from plaudit.recorder.health import ANSWER_S, ASK_EVERY_S, BrokerWatch, RecorderHealth
from plaudit.recorder.notices import Notifier
from plaudit.recorder.payloads import PayloadKeeper
from plaudit.recorder.projector import Projector
from plaudit.recorder.rebuild import rebuild as rebuild_log
from plaudit.recorder.recorder import TRY_AGAIN_S, Recorder
from plaudit.recorder.settings import RecorderSettings
from plaudit.runtime.logging import configure_logs
from plaudit.runtime.process_name import process_name
from plaudit.store.db.database import (
    DatabaseFailure,
    SchemaOutdated,
    open_database,
)
from plaudit.store.endpoints.key_use import LOOK_EVERY_S as COUNT_KEYS_EVERY_S
from plaudit.store.endpoints.key_use import KeyUse, require_keys
from plaudit.store.endpoints.relay import ACK_TIMEOUT_S, Relay
from plaudit.store.log.payloads import PayloadStore
from plaudit.tracing.writer import closed, open_tracing

_log = event_logger(__name__)

_T = TypeVar("_T")

CLOSE_S: Final = 10.0


def command(
    *,
    rebuild: Annotated[
        bool,
        typer.Option("--rebuild", help="Only write the attempts that the log lacks, then exit."),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print --rebuild's report as JSON.")
    ] = False,
) -> None:
    """Record every attempt in the delivery log, disable dead endpoints, and run the relay.

    Run up to one process per partition of the attempts topic; one is usually enough. On SIGTERM
    or Ctrl-C it finishes the current batch, commits, and exits with 0.

    --rebuild is for a lost or restored database: it reads the whole topic once, disables no
    endpoints, and sends no notices. It may run beside recorders, and can be repeated.

    Example: plaudit record
    """
    configure_logs(process_name())
    if rebuild:
        _rebuild(as_json=as_json)
        return
    kafka, deliver, settings = KafkaSettings(), DeliverSettings(), RecorderSettings()
    kafka.client_config()
    keys = deliver.seal.keys
    engine = _opened(database_url(), keys)
    notifier = Notifier(engine, deliver)
    asyncio.run(lane_topics(kafka, writes=False))
    projector = Projector(engine, settings.disable_after_ms, settings.failing_after)
    tracing = open_tracing("plaudit-record")
    store = PayloadStore(engine, keys)
    payloads = PayloadKeeper(kafka, store) if settings.payload_days else None
    recorder = Recorder(kafka, projector, tracing, payloads)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: recorder.stop())
    with ExitStack() as stack:
        stack.callback(engine.dispose)
        if payloads is not None:
            stack.callback(payloads.close)
        stack.enter_context(closed(tracing))
        brokers = BrokerWatch(Admin(kafka, ANSWER_S), kafka.names.attempts)
        health = RecorderHealth(recorder, projector.counts, brokers)
        stack.enter_context(served(deliver.observability, health))
        producer = Producer(kafka, ProducerConfig(delivery_timeout_ms=int(ACK_TIMEOUT_S * 1_000)))
        stack.callback(producer.close)
        tasks = PeriodicTasks(
            relay_task(Relay(engine, producer, kafka.names.endpoints, keys)),
            PeriodicTask("notices", NOTIFY_EVERY_S, notifier.run),
            prune_task(engine, settings),
            label_task(engine),
            PeriodicTask("brokers", ASK_EVERY_S, brokers.look),
            key_task(engine, keys, health.registry),
            *measuring(settings, kafka, health.registry),
        )
        tasks.start()
        start_jobs(stack, settings, partial(JobRunner, engine, kafka, keys))
        stack.callback(tasks.close, CLOSE_S)
        recorder.run()


def measuring(
    settings: RecorderSettings, kafka: KafkaSettings, registry: CollectorRegistry
) -> Iterator[PeriodicTask]:
    """Yield the chore that measures dead letters' ages, if this process may read them."""
    if settings.record_jobs:
        ages = LetterAges(kafka)
        registry.register(LetterAgesCollector(ages))
        yield PeriodicTask("dead-letter-ages", LOOK_EVERY_S, ages.look)


def key_task(engine: Engine, keys: SecretKeys, registry: CollectorRegistry) -> PeriodicTask:
    """Return the task that counts the endpoints of each secret key."""
    use = KeyUse(engine, keys)
    registry.register(use)
    return PeriodicTask("secret-keys", COUNT_KEYS_EVERY_S, use.look)


def start_jobs(stack: ExitStack, settings: RecorderSettings, make: Callable[[], JobRunner]) -> None:
    """Start a runner of jobs, unless the settings leave jobs to other processes."""
    if settings.record_jobs:
        runner = make()
        runner.start()
        stack.callback(runner.close, CLOSE_S)


def _rebuild(*, as_json: bool) -> None:
    engine = opened_database()
    try:
        with watched("rebuilding") as control:
            done = rebuild_log(KafkaSettings(), engine, control)
    finally:
        engine.dispose()
    counts = done.counts
    if as_json:
        print_json({"read": done.read, "complete": done.complete, **asdict(counts)})
    else:
        note(
            f"read {done.read:,} attempts: {counts.written:,} were missing, {counts.known:,} were "
            f"there, {counts.unreadable:,} can't be read"
        )
    if not done.complete:
        fail("stopped before the end; run it again")


def _opened(url: str, keys: SecretKeys) -> Engine:
    """Open the database, waiting until it is available; check that it is that of the keys."""
    engine = _wait_for_database(lambda: open_database(url))
    _wait_for_database(partial(require_keys, engine, keys))
    return engine


def _wait_for_database(ask: Callable[[], _T]) -> _T:
    """Ask the database until it is available."""
    once = OnceLogger(_log)
    while True:
        try:
            return ask()
        except SchemaOutdated:
            raise
        except DatabaseFailure as failure:
            once.failed("recorder.unavailable", failure)
        time.sleep(TRY_AGAIN_S)
