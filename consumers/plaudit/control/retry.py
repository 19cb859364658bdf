"""Manual retries: they read the event at its offset, and write it to `deliveries.now`.

A scheduled retry stays. The receiver gets the same `webhook-id`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy.engine import Engine

from plaudit.bulk.control import Control
from plaudit.control.event_origin import EventSource, find_event, place_of
from plaudit.dlq.job.job import Order, redrive
from plaudit.dlq.letters.filters import LetterFilter
from plaudit.kafka.read.record_reader import StoredRecord
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.write.producer import Ack, Producer
from plaudit.records.names import Header, Trigger
from plaudit.records.times import time_text, wall_ms
from plaudit.store.db.database import reading
from plaudit.store.endpoints import rows
from plaudit.store.endpoints.idempotency_seed import IdempotencySeed
from plaudit.store.endpoints.rows import StoredEndpoint
from plaudit.store.log.queries import (
    MOST_RETRIED,
    Attempt,
    NoSuchDelivery,
    Page,
    attempts_of,
    find_page,
)
from plaudit.store.log.query import Query, State

ACK_S: Final = 30.0
NO_LETTER: Final = "no_letter"


class RetryRefused(ValueError):
    """The delivery can't be retried.

    Attributes:
        delivery_id: id of the delivery.
        reason: `event_expired`, `endpoint_deleted`, `endpoint_disabled`, `no_letter` or
            `job_stopped`.
    """

    def __init__(self, delivery_id: str, reason: str, detail: str) -> None:
        super().__init__(f"delivery {delivery_id}: {detail}")
        self.delivery_id = delivery_id
        self.reason = reason


@dataclass(frozen=True, slots=True)
class RetryResult:
    """Result of retrying a filtered set.

    Attributes:
        retried: number of retried deliveries.
        refused: reasons for the others.
        cursor: start of the next page; None on the last page.
    """

    retried: int
    refused: tuple[RetryRefused, ...]
    cursor: str | None


class Retrier:
    """Writes manual retries.

    Args:
        engine: database.
        settings: names of the topics.
        source: source of events.
        producer: producer to write with.

    Attributes:
        names: names of the topics.
    """

    def __init__(
        self, engine: Engine, settings: KafkaSettings, source: EventSource, producer: Producer
    ) -> None:
        self._engine = engine
        self._settings = settings
        self.names = settings.names
        self._topic = settings.names.deliveries_now
        self._source = source
        self._producer = producer

    def retry(
        self,
        delivery_id: str,
        workspace_id: str | None = None,
        idempotency: IdempotencySeed | None = None,
    ) -> Attempt:
        """Retry a delivery now; return its latest attempt once the brokers have the retry.

        Args:
            delivery_id: id of the delivery.
            workspace_id: restricts the retry to this workspace.
            idempotency: seed of an idempotent request; if it runs twice, workers drop the second
                record.

        Raises:
            NoSuchDelivery: the id is unknown, or belongs to another workspace.
            RetryRefused: the delivery can't be retried; the message contains the reason.
            InputRefused: the text is not an id.
            KafkaFailure: the record was not acknowledged.
            DatabaseFailure: the log can't be read.
        """
        with reading(self._engine) as connection:
            attempts = attempts_of(connection, delivery_id)
        if not attempts or (workspace_id or attempts[-1].workspace_id) != attempts[-1].workspace_id:
            raise NoSuchDelivery(delivery_id)
        latest = attempts[-1]
        if latest.state is State.DEAD:
            self._endpoint(latest)
            try:
                self._redrive([latest])
            except RetryRefused as error:
                if error.reason != NO_LETTER or idempotency is None or not idempotency.repeated:
                    raise
                # An earlier run got this far: the letter has been redriven.
        else:
            self._write(latest, _begun_ms(idempotency))
        return latest

    def matching(self, query: Query, limit: int = MOST_RETRIED, cursor: str | None = None) -> Page:
        """Return the deliveries that `retry_all` retries.

        Raises:
            InputRefused: a value of the query is invalid.
            DatabaseFailure: the log can't be read.
        """
        wanted = query if query.state is not None else replace(query, unfinished=True)
        with reading(self._engine) as connection:
            return find_page(connection, wanted, limit=limit, cursor=cursor)

    def retry_all(
        self,
        query: Query,
        limit: int = MOST_RETRIED,
        cursor: str | None = None,
        idempotency: IdempotencySeed | None = None,
    ) -> RetryResult:
        """Retry the deliveries of a query, newest first, up to a limit.

        Without a state in the query, delivered and cancelled deliveries are skipped.

        Raises:
            InputRefused: a value of the query is invalid.
            KafkaFailure: a record was not acknowledged; earlier ones are written.
            DatabaseFailure: the log can't be read.
        """
        page = self.matching(query, limit, cursor)
        begun_ms = _begun_ms(idempotency)
        retried = 0
        dead: list[Attempt] = []
        refused: list[RetryRefused] = []
        for attempt in page.deliveries:
            try:
                if attempt.state is State.DEAD:
                    self._endpoint(attempt)
                    dead.append(attempt)
                else:
                    self._write(attempt, begun_ms)
                    retried += 1
            except RetryRefused as error:
                refused.append(error)
        try:
            retried += self._redrive(dead)
        except RetryRefused as error:
            refused.append(error)
        return RetryResult(retried, tuple(refused), page.cursor)

    def _redrive(self, dead: Sequence[Attempt]) -> int:
        """Redrive dead letters, like `plaudit dlq redrive`, which removes them.

        Raises:
            RetryRefused: the letter is gone, or the job stopped.
        """
        if not dead:
            return 0
        ids = frozenset(each.delivery_id.encode() for each in dead)
        report = redrive(self._settings, Order(filter=LetterFilter(ids=ids)), Control())
        if report.stopped and not report.moved:
            raise RetryRefused(dead[0].delivery_id, "job_stopped", report.stopped)
        if not report.moved:
            detail = "its dead letter is gone: it was redriven or purged"
            raise RetryRefused(dead[0].delivery_id, NO_LETTER, detail)
        return report.moved

    def _write(self, attempt: Attempt, begun_ms: int) -> Ack:
        endpoint = self._endpoint(attempt)
        found, _, problem, _ = find_event(self._source, attempt)
        if found is None:
            detail = f"its event at {place_of(attempt)} can't be sent again: {problem}"
            raise RetryRefused(attempt.delivery_id, "event_expired", detail)
        headers = retry_headers(attempt, endpoint, found, begun_ms)
        key = attempt.endpoint_id.encode()
        return self._producer.publish(self._topic, found.value, key, headers).result(ACK_S)

    def _endpoint(self, attempt: Attempt) -> StoredEndpoint:
        with reading(self._engine) as connection:
            endpoint = rows.find(connection, attempt.endpoint_id)
        if endpoint is None:
            detail = f"endpoint {attempt.endpoint_id} was deleted"
            raise RetryRefused(attempt.delivery_id, "endpoint_deleted", detail)
        if endpoint.status != "active":
            since = time_text(endpoint.status_since or endpoint.updated_at)
            detail = (
                f"endpoint {attempt.endpoint_id} is disabled since {since}; "
                f"enable it first: plaudit endpoints enable {attempt.endpoint_id}"
            )
            raise RetryRefused(attempt.delivery_id, "endpoint_disabled", detail)
        return endpoint


def _begun_ms(idempotency: IdempotencySeed | None) -> int:
    return wall_ms() if idempotency is None else idempotency.begun_ms


def retry_headers(
    attempt: Attempt, endpoint: StoredEndpoint, found: StoredRecord, now_ms: int
) -> list[tuple[str, bytes]]:
    """Return the headers of a manual retry: those of the event, with a new history."""
    ours = {
        Header.DELIVERY_ID: attempt.delivery_id,
        Header.ENDPOINT_ID: attempt.endpoint_id,
        Header.WORKSPACE_ID: attempt.workspace_id,
        Header.ORIGIN_TOPIC: attempt.origin_topic,
        Header.ORIGIN_PARTITION: attempt.origin_partition,
        Header.ORIGIN_OFFSET: attempt.origin_offset,
        Header.ORIGIN_TIMESTAMP: found.timestamp_ms,
        Header.TRIGGER: Trigger.MANUAL,
        Header.ENDPOINT_VERSION: endpoint.version,
        Header.ATTEMPT: 0,
        Header.DIVERSIONS: 0,
        Header.REDRIVES: 0,
        Header.ENQUEUED_AT: now_ms,
    }
    foreign = [pair for pair in found.headers if not pair[0].startswith(Header.PREFIX)]
    return [*foreign, *((name, str(value).encode()) for name, value in ours.items())]
