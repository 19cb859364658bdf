"""Counts of open and dead deliveries, read from the brokers."""

from __future__ import annotations

from collections.abc import Sequence

from bench.honesty import Ledger
from plaudit.deliver.offsets.bitmap import decode
from plaudit.kafka.read.lag import LagReader, PartitionLag
from plaudit.kafka.read.range import BoundedReader
from plaudit.kafka.settings import KafkaSettings


def waiting(lags: Sequence[PartitionLag]) -> int:
    """Return the number of unfinished records.

    Those between the committed offset and the end, less what the commit's metadata says is done
    ahead of it. Nothing but records stands in these topics: no transaction left its markers there.
    """
    return sum(lag.behind - len(decode(lag.committed, lag.metadata)) for lag in lags)


def read_ledger(
    settings: KafkaSettings, published: int, delivered: int, repeated: int = 0
) -> Ledger:
    """Count undelivered deliveries at the brokers, while no worker runs.

    Raises:
        KafkaFailure: no answer.
    """
    names = settings.names
    tiers = [names.deliveries_now, *(names.deliveries(tier) for tier in settings.tiers)]
    events = _lags(settings, names.events_group, names.event_topics)
    deliveries = _lags(settings, names.deliveries_group, tiers)
    return Ledger(
        published,
        delivered,
        dead=_letters(settings, [names.dlq_deliveries, names.dlq_events]),
        waiting=waiting(events) + waiting(deliveries),
        # These logs begin at 0: they are as old as the run.
        moved=sum(lag.end for lag in deliveries),
        repeated=repeated,
    )


def _lags(settings: KafkaSettings, group: str, topics: Sequence[str]) -> list[PartitionLag]:
    reader = LagReader(settings, group)
    try:
        return reader.read(topics)
    finally:
        reader.close()


def _letters(settings: KafkaSettings, topics: Sequence[str]) -> int:
    """Count the dead letters; a worker that asks for the time writes a record without a value."""
    with BoundedReader(settings, f"{settings.names.prefix}bench") as reader:
        spans = {each: span for topic in topics for each, span in reader.spans(topic).items()}
        return sum(message.value() is not None for message in reader.read(spans))
