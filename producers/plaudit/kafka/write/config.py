"""Configuration of producers: the part that each chooses, and the part that all share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MAX_RECORD_BYTES: Final = 2 * 1024 * 1024

# Brokers check a whole batch against the topic's `max.message.bytes`. A batch of several records
# stays under our smallest limit (1 MiB). So a refused batch holds a single record.
BATCH_BYTES: Final = 1_000_000
MISSING_TOPIC_MS: Final = 300
"""Time that the brokers may take to learn of a new topic, before a producer calls it missing.

librdkafka's default is 30 s. Producers without a delivery timeout keep it: they wait anyway.
"""

REFRESH_METADATA_MS: Final = 10_000
"""Time in which a producer finds new partitions of a topic; librdkafka's default is five minutes.

Until all publishers have found them, two of them map one key to different partitions.
"""


@dataclass(frozen=True, slots=True)
class ProducerConfig:
    """Configuration of one producer.

    Attributes:
        delivery_timeout_ms: time after which a record fails; 0 means never.
        linger_ms: time that a record may wait for its batch; `PLAUDIT_KAFKA_LINGER_MS` overrides
            it. A single event waits for all of it; at high rates, batches are full enough.
        buffer_kbytes: memory for unacknowledged records.
        max_record_bytes: larger records are rejected without asking the brokers.
        has_thread: whether a thread of the producer makes the reports. Without it, the owner must
            call `serve` often, from one thread. That saves a change of the interpreter lock for
            each report between two busy threads.
    """

    delivery_timeout_ms: int = 0
    linger_ms: int = 2
    buffer_kbytes: int = 32_768
    max_record_bytes: int = MAX_RECORD_BYTES
    has_thread: bool = True


def reliable(max_record_bytes: int) -> dict[str, object]:
    """Return the configuration of all our producers, independent of the settings."""
    return {
        "acks": "all",
        "enable.idempotence": True,
        # Java producers map a key to the same partition.
        "partitioner": "murmur2_random",
        "message.max.bytes": max_record_bytes,
        "batch.size": BATCH_BYTES,
        # `plaudit topics apply` creates topics; a misspelt name must fail.
        "allow.auto.create.topics": False,
    }
