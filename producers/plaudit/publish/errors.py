"""Errors of publishing that are found before anything is sent.

Errors of the brokers are a `plaudit.kafka.errors.KafkaFailure`: `KafkaUnavailable`,
`NotAuthorized`, `RecordTooLarge` and so on. An invalid field is pydantic's
`ValidationError`, raised by the event's constructor.

PublishRefused
├── EventTooLarge
├── BatchTooLarge
└── OptionRefused
"""

from __future__ import annotations


class PublishRefused(ValueError):
    """Nothing was sent, and the same arguments will fail again."""


class EventTooLarge(PublishRefused):
    """An event exceeds the limit.

    Attributes:
        size: size of its Avro form in bytes.
        limit: limit in bytes.
    """

    def __init__(self, event_type: str, size: int, limit: int) -> None:
        self.size = size
        self.limit = limit
        super().__init__(
            f"{event_type}: {size:,} bytes of Avro, {limit:,} are allowed; "
            "link to large texts and media instead"
        )


class BatchTooLarge(PublishRefused):
    """A batch exceeds the limit of a transaction."""

    def __init__(self, most_events: int, most_bytes: int) -> None:
        super().__init__(
            f"a transaction holds at most {most_events:,} events and {most_bytes:,} bytes: it "
            "hides later records from every reader; publish in several"
        )


class OptionRefused(PublishRefused):
    """An argument of the publisher is invalid.

    Attributes:
        option: name of the argument.
    """

    def __init__(self, option: str, reason: str) -> None:
        self.option = option
        super().__init__(f"{option}: {reason}")
