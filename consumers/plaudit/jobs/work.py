"""Work of a job: each kind runs the code that the command line runs, too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final

from sqlalchemy.engine import Engine

from plaudit.bulk.control import Control
from plaudit.control.event_origin import EventSource
from plaudit.control.retry import Retrier
from plaudit.dlq.job import job as letters
from plaudit.dlq.job.report import Report
from plaudit.dlq.replay import replay as replays
from plaudit.dlq.replay.checkpoint import ReplayedBefore
from plaudit.endpoints.keys import SecretKeys
from plaudit.jobs.bulk_retry import Keep, retry_all
from plaudit.jobs.params import (
    JobParams,
    JobParamsHolder,
    PurgeParams,
    RecoveryParams,
    RedriveParams,
    ReplayParams,
    RetryParams,
)
from plaudit.kafka.read.record_reader import RecordReader
from plaudit.kafka.schemas.late_decoder import LateDecoder
from plaudit.kafka.schemas.lookup import BlockingSchemaLookup, SchemaLookup
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.write.producer import Producer
from plaudit.store.db.database import reading
from plaudit.store.jobs.job_model import StoredJob
from plaudit.store.log.payloads import PayloadStore
from plaudit.store.log.queries import count_deliveries

SCHEMAS_S: Final = 10.0


class JobWorker:
    """Runs jobs.

    Args:
        engine: database.
        settings: connection to Kafka.
        keys: keys that decrypt stored events, for retries; None: only Kafka has events.
    """

    def __init__(
        self, engine: Engine, settings: KafkaSettings, keys: SecretKeys | None = None
    ) -> None:
        self._stored = None if keys is None else PayloadStore(engine, keys)
        self._engine = engine
        self._settings = settings

    def work(
        self, job: StoredJob, control: Control, keep: Keep
    ) -> tuple[dict[str, Any], str | None]:
        """Run a job; return its report, and why it ended early.

        Raises:
            KafkaFailure: the brokers are away or refuse; what was committed is done.
            DatabaseFailure: the log can't be read.
            ValueError: the order is invalid by now.
        """
        params = JobParamsHolder.model_validate({"params": job.params}).params
        done = self._reports(job, params, control, keep)
        if job.dry_run:
            control.listener.began(sum(each.get("chosen", 0) for each in done))
        stopped = next((each["stopped"] for each in done if each.get("stopped")), None)
        return (done[0] if len(done) == 1 else {"parts": done}), stopped

    def _reports(
        self, job: StoredJob, params: JobParams, control: Control, keep: Keep
    ) -> list[dict[str, Any]]:
        match params:
            case RedriveParams():
                order = params.order(job.workspace_id, job.moved)
                run = letters.preview if job.dry_run else letters.redrive
                return [run(self._settings, order, control).plain()]
            case PurgeParams():
                order = params.order(job.workspace_id, job.moved)
                if job.dry_run:
                    return [letters.preview_purge(self._settings, order, control).plain()]
                return [letters.purge(self._settings, order, None, control).plain()]
            case ReplayParams():
                return [self._replay(job, params, control).plain()]
            case RecoveryParams():
                return [each.plain() for each in self._recover(job, params, control)]
            case RetryParams():
                return [self._retry(job, params, control, keep)]

    def _replay(self, job: StoredJob, params: ReplayParams, control: Control) -> Report:
        with self._schemas() as schemas:
            if job.dry_run:
                order = params.order(again=params.again)
                return replays.preview(self._settings, order, schemas, control)
            # A run that has sent something must not begin anew.
            resumed = job.moved > 0
            order = params.order(again=params.again and not resumed)
            try:
                return replays.replay(self._settings, order, schemas, control)
            except ReplayedBefore:
                if not resumed:
                    raise
                return Report("replay", "events", job.created_at, str(params.endpoint_id))

    def _recover(
        self, job: StoredJob, params: RecoveryParams, control: Control
    ) -> Iterator[Report]:
        run = letters.preview if job.dry_run else letters.redrive
        first = run(self._settings, params.letters(), control)
        yield first
        if not first.complete or control.stopping:
            return
        with self._schemas() as schemas:
            again = replays.preview if job.dry_run else replays.replay
            try:
                yield again(self._settings, params.missed(), schemas, control)
            except ReplayedBefore:
                return

    def _retry(
        self, job: StoredJob, params: RetryParams, control: Control, keep: Keep
    ) -> dict[str, Any]:
        query = params.query(job.workspace_id)
        with reading(self._engine) as connection:
            count = count_deliveries(connection, query)
        most = count if params.max is None else min(count, params.max)
        control.listener.began(most)
        if job.dry_run:
            return {"action": "retry", "matched": count, "chosen": most, "stopped": None}
        with ExitStack() as stack:
            reader = stack.enter_context(RecordReader(self._settings))
            producer = stack.enter_context(Producer(self._settings))
            source = EventSource(
                reader, stack.enter_context(LateDecoder(self._settings)), self._stored
            )
            retrier = Retrier(self._engine, self._settings, source, producer)
            bounds, resume = (params.rate, params.max), (job.position, job.moved)
            return retry_all(retrier, query, bounds, control, resume, keep)

    @contextmanager
    def _schemas(self) -> Iterator[BlockingSchemaLookup]:
        schemas = SchemaLookup(self._settings)
        schemas.start()
        try:
            schemas.wait_ready(SCHEMAS_S)
            yield BlockingSchemaLookup(schemas)
        finally:
            schemas.close()
