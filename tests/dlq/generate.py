"""Many dead letters, for tests and benchmarks: what deliverers would have written, quickly.

`python -m dlq.generate 1000000` (in `tests`) writes a million to the brokers in
KAFKA_BOOTSTRAP_SERVERS, under PLAUDIT_TOPIC_PREFIX.
"""

from __future__ import annotations

import itertools
import sys
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from plaudit.events.encoding import encode
from plaudit.events.examples import example
from plaudit.kafka.errors import BufferFull
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.write.producer import Ack, Producer, SendFailure
from plaudit.records.names import Header

WORKSPACE = "7d9f5c1e-52a4-4b0e-9a53-0c6d1f1f2a01"
ENDPOINTS = tuple(str(uuid.UUID(int=number + (0xE << 124))) for number in range(10))
REASONS = ("exhausted", "exhausted", "exhausted", "expired", "gone")
STATUSES = ("503", "500", "503", "", "410")
Headers = list[tuple[str, bytes]]


@dataclass(frozen=True)
class Made:
    """One dead letter to write."""

    key: bytes
    headers: Headers
    value: bytes


def letters(
    count: int, endpoints: Sequence[str] = ENDPOINTS, workspace: str = WORKSPACE
) -> Iterator[Made]:
    """Yield dead letters of several endpoints and reasons, each with an id of its own."""
    event = example("testimonial.approved")
    value = encode(event)
    for number, endpoint in zip(range(count), itertools.cycle(endpoints)):
        event_id = str(uuid.UUID(int=number + (0xD << 124)))
        key = str(uuid.uuid5(uuid.UUID(event_id), endpoint))
        status = STATUSES[number % len(STATUSES)]
        named = {
            "ce_specversion": "1.0",
            "ce_id": event_id,
            "ce_type": "testimonial.approved",
            "ce_source": "/tests",
            "ce_time": "2026-11-24T16:00:00.000000Z",
            "ce_subject": event_id,
            Header.DELIVERY_ID: key,
            Header.ENDPOINT_ID: endpoint,
            Header.WORKSPACE_ID: workspace,
            Header.ORIGIN_TOPIC: "plaudit.testimonials",
            Header.ORIGIN_PARTITION: "1",
            Header.ORIGIN_OFFSET: str(number),
            Header.ORIGIN_TIMESTAMP: "1764000000000",
            Header.TRIGGER: "retry",
            Header.ENDPOINT_VERSION: "1",
            Header.ATTEMPT: "10",
            Header.DIVERSIONS: "0",
            Header.REDRIVES: "0",
            Header.ENQUEUED_AT: "1764000000000",
            Header.FIRST_ATTEMPT_AT: "1764000000100",
            Header.REASON: REASONS[number % len(REASONS)],
            Header.LAST_ERROR: "the endpoint answered badly",
        }
        if status:
            named[Header.LAST_STATUS] = status
        yield Made(key.encode(), [(name, text.encode()) for name, text in named.items()], value)


def write(settings: KafkaSettings, made: Iterator[Made], topic: str | None = None) -> int:
    """Write dead letters; return how many the brokers have acknowledged."""
    failures: list[SendFailure] = []

    def heard(outcome: Ack | SendFailure) -> None:
        if isinstance(outcome, SendFailure):
            failures.append(outcome)

    written = 0
    with Producer(settings) as producer:
        for each in made:
            while True:
                try:
                    producer.send(
                        topic or settings.names.dlq_deliveries,
                        each.value,
                        each.key,
                        each.headers,
                        on_ack=heard,
                    )
                except BufferFull:
                    producer.wait_for_progress(1.0)
                else:
                    break
            written += 1
        assert producer.flush(120) == 0
    assert not failures, failures[0]
    return written


if __name__ == "__main__":
    print(f"{write(KafkaSettings(), letters(int(sys.argv[1]))):,} dead letters written")
