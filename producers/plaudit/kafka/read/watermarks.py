"""Bounds of logs: the first offset, and the one after the last record."""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import Final

from confluent_kafka import Consumer, KafkaException, TopicPartition

from plaudit.kafka.connection_errors import ConnectionErrors
from plaudit.kafka.errors import KafkaUnavailable, translate

LATEST: Final = -1
"""The end of the log, in a look-up of offsets by time."""
_ASK_AGAIN_S: Final = 0.1
# Transient after a topic is created or a broker leaves, until the leader is known.
_MOVING: Final = frozenset({"NOT_LEADER_FOR_PARTITION", "LEADER_NOT_AVAILABLE"})


def log_bounds(
    client: Consumer,
    place: TopicPartition,
    timeout_s: float,
    connection_errors: ConnectionErrors | None = None,
) -> tuple[int, int]:
    """Return the first offset in the log and the one after the last, once its leader is known.

    For a consumer that reads committed records only, the end is the start of an open transaction.

    Raises:
        KafkaFailure: no response in time, or not allowed.
    """
    doing = f"find the bounds of {place.topic}[{place.partition}]"
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            found = client.get_watermark_offsets(place, timeout=timeout_s)
        except KafkaException as error:
            failure = translate(error, doing)
            if failure.code not in _MOVING or time.monotonic() > deadline:
                raise (
                    connection_errors.explained(failure) if connection_errors else failure
                ) from None
        else:
            if found is None:
                raise KafkaUnavailable(doing, "no answer in time")
            return found
        time.sleep(_ASK_AGAIN_S)


def ends(
    client: Consumer, topic: str, partitions: Collection[int], timeout_s: float
) -> dict[int, int]:
    """Return the offset after the last record of each partition, in one request to each broker.

    For a consumer that reads committed records only, it is the start of an open transaction.

    Raises:
        KafkaException: no response in time, or not allowed.
    """
    asked = [TopicPartition(topic, each, LATEST) for each in partitions]
    found = client.offsets_for_times(asked, timeout=timeout_s)
    for place in found:
        if place.error is not None:
            raise KafkaException(place.error)
    return {place.partition: place.offset for place in found}
