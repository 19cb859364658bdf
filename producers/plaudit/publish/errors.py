"""What can be wrong with an event, or with publishing it, before anything is sent.

What goes wrong at the brokers is a `plaudit.kafka.errors.KafkaFailure`: `KafkaUnavailable` when
they are away, `NotAuthorized`, `RecordTooLarge` and so on. A wrong field is pydantic's
`ValidationError`, raised when the event is made.

PublishRefused
├── EventTooLarge
├── BatchTooLarge
└── OptionRefused
"""

from __future__ import annotations


class PublishRefused(ValueError):
    """Nothing was sent, and the same again will not be."""


class EventTooLarge(PublishRefused):
    """An event over the limit.

    Attributes:
        size: of its Avro form, in bytes.
        limit: in bytes.
    """

    def __init__(self, event_type: str, size: int, limit: int) -> None:
        self.size = size
        self.limit = limit
        super().__init__(
            f"{event_type}: {size:,} bytes of Avro, {limit:,} are allowed; "
            "link to large texts and media instead"
        )


class BatchTooLarge(PublishRefused):
    """More than one transaction may hold."""

    def __init__(self, most_events: int, most_bytes: int) -> None:
        super().__init__(
            f"a transaction holds at most {most_events:,} events and {most_bytes:,} bytes: it "
            "hides what is behind it from every reader; publish in several"
        )


class OptionRefused(PublishRefused):
    """An argument of the publisher can't be used.

    Attributes:
        option: its name.
    """

    def __init__(self, option: str, reason: str) -> None:
        self.option = option
        super().__init__(f"{option}: {reason}")
