"""Implementation of `plaudit deliveries retry`, loaded only for that command."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

from plaudit.cli.ui.database import opened_database, stored_events
from plaudit.control.event_origin import EventSource
from plaudit.control.retry import Retrier, RetryResult
from plaudit.kafka.read.record_reader import RecordReader
from plaudit.kafka.schemas.late_decoder import LateDecoder
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.write.producer import Producer, ProducerConfig
from plaudit.store.log.query import Query

ACK_TIMEOUT_MS: Final = 8_000


def retry_one(delivery: str) -> RetryResult:
    """Retry one delivery, whatever its state; see `Retrier` for errors."""
    with _retrier() as retrier:
        retrier.retry(delivery)
        return RetryResult(1, (), None)


def retry_selection(query: Query, limit: int, agree: Callable[[int], bool]) -> RetryResult | None:
    """Retry the deliveries of a query; None if the user did not agree to their number."""
    with _retrier() as retrier:
        found = len(retrier.matching(query, limit).deliveries)
        if found > 1 and not agree(found):
            return None
        return retrier.retry_all(query, limit)


@contextmanager
def _retrier() -> Iterator[Retrier]:
    kafka = KafkaSettings()
    with ExitStack() as stack:
        engine = opened_database()
        stack.callback(engine.dispose)
        reader = stack.enter_context(RecordReader(kafka))
        producer = Producer(kafka, ProducerConfig(delivery_timeout_ms=ACK_TIMEOUT_MS))
        stack.callback(producer.close)
        source = EventSource(reader, stack.enter_context(LateDecoder(kafka)), stored_events(engine))
        yield Retrier(engine, kafka, source, producer)
