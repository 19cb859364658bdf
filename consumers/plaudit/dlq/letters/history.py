"""Attempt records of a dead letter."""

from __future__ import annotations

from typing import Any, Final

from plaudit.dlq.letters.letter import Letter
from plaudit.kafka.read.attempts import attempt_value
from plaudit.kafka.read.range import BoundedReader
from plaudit.kafka.settings import KafkaSettings
from plaudit.records.attempt import decode_attempt
from plaudit.records.codec import RecordError
from plaudit.records.names import Header

MARGIN_MS: Final = 60_000
"""Margin for clock differences between workers and brokers, and for the duration of an attempt."""


def attempts_of(settings: KafkaSettings, letter: Letter) -> list[dict[str, Any]]:
    """Return the attempts of a delivery that the topic still has, oldest first.

    It reads only the time between the first attempt and the letter, and decodes only attempt
    records of the endpoint.

    Raises:
        KafkaFailure: the brokers are unavailable or refuse.
    """
    endpoint, delivery = letter.raw(Header.ENDPOINT_ID), letter.text(Header.DELIVERY_ID)
    first = letter.number(Header.FIRST_ATTEMPT_AT) or letter.number(Header.ENQUEUED_AT)
    found = []
    with BoundedReader(settings, f"{settings.names.prefix}dlq.reader") as reader:
        spans = reader.spans(settings.names.attempts)
        begins = reader.at_time(list(spans), max(0, (first or 0) - MARGIN_MS))
        ends = reader.at_time(list(spans), letter.dead_at_ms + MARGIN_MS)
        wanted = {
            each: (begins.get(each, high), ends.get(each, high))
            for each, (_, high) in spans.items()
        }
        for message in reader.read(wanted):
            if message.key() != endpoint:
                continue
            try:
                attempt = decode_attempt(attempt_value(message))
            except RecordError:
                continue  # written by an unknown release; `plaudit record` reports it
            if attempt["delivery_id"] == delivery:
                found.append(attempt)
    return sorted(found, key=lambda each: each["started_at"])
