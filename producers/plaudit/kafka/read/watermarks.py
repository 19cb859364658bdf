"""Low and high watermarks of a partition, retried while its leader changes."""

from __future__ import annotations

import time
from typing import Final

from confluent_kafka import Consumer, KafkaException, TopicPartition

from plaudit.kafka.connection_errors import ConnectionErrors
from plaudit.kafka.errors import KafkaUnavailable, translate

_ASK_AGAIN_S: Final = 0.1
# Transient after a topic is created or a broker leaves, until the leader is known.
_MOVING: Final = frozenset({"NOT_LEADER_FOR_PARTITION", "LEADER_NOT_AVAILABLE"})


def log_bounds(
    client: Consumer,
    place: TopicPartition,
    timeout_s: float,
    connection_errors: ConnectionErrors | None = None,
) -> tuple[int, int]:
    """Return the first offset in the log and the one after the last.

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
