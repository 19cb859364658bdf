"""Implementation of `plaudit deliveries retry`, loaded only for that command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

from plaudit.cli.ui.database import opened_database
from plaudit.control.retry import Retried, Retrier
from plaudit.kafka.read.record_reader import RecordReader
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.write.producer import Producer, ProducerConfig
from plaudit.store.log.query import Query

ACK_TIMEOUT_MS: Final = 8_000


def try_again(delivery: str | None, query: Query, limit: int) -> Retried:
    """Retry one delivery, or those of a query; see `Retrier` for errors."""
    with _retrier() as retrier:
        if delivery is None:
            return retrier.retry_all(query, limit)
        retrier.retry(delivery)
        return Retried(1, (), None)


@contextmanager
def _retrier() -> Iterator[Retrier]:
    kafka = KafkaSettings()
    with ExitStack() as stack:
        engine = opened_database()
        stack.callback(engine.dispose)
        reader = stack.enter_context(RecordReader(kafka))
        producer = Producer(kafka, ProducerConfig(delivery_timeout_ms=ACK_TIMEOUT_MS))
        stack.callback(producer.close)
        yield Retrier(engine, kafka, reader, producer)
