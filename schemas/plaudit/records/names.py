"""Names of topics, consumer groups, transactional ids and headers: said once, used everywhere."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from plaudit.events.entity import Entity
from plaudit.records.delays import NOW, Delay, DelayError

DEFAULT_PREFIX: Final = "plaudit."


class Header:
    """Kafka headers that the pipeline adds to a record; values are ASCII text unless said.

    They are replaced at every hop, never appended to. None carries personal data.
    """

    DELIVERY_ID: Final = "plaudit-delivery-id"  # uuid5(event id, endpoint id)
    ENDPOINT_ID: Final = "plaudit-endpoint-id"  # where it goes
    ENDPOINT_VERSION: Final = "plaudit-endpoint-version"  # that was known when it was written
    WORKSPACE_ID: Final = "plaudit-workspace-id"  # whose event it is
    TRIGGER: Final = "plaudit-trigger"  # event, retry, manual, redrive, replay or test
    ATTEMPT: Final = "plaudit-attempt"  # HTTP attempts made so far
    DIVERSIONS: Final = "plaudit-diversions"  # in a row, since the last HTTP attempt
    REDRIVES: Final = "plaudit-redrives"  # times sent again from the dead letters
    ENQUEUED_AT: Final = "plaudit-enqueued-at"  # epoch milliseconds, set once
    FIRST_ATTEMPT_AT: Final = "plaudit-first-attempt-at"  # epoch milliseconds
    NOT_BEFORE: Final = "plaudit-not-before"  # epoch ms; a Retry-After past the longest tier
    TURN_AT: Final = "plaudit-turn-at"  # epoch ms; when its turn is at a limited endpoint
    REASON: Final = "plaudit-reason"  # why it was not delivered; see Reasons
    LAST_STATUS: Final = "plaudit-last-status"  # HTTP status of the last answer
    LAST_ERROR: Final = "plaudit-last-error"  # UTF-8, at most 1 KiB
    ORIGIN_TOPIC: Final = "plaudit-origin-topic"  # where the event itself stands
    ORIGIN_PARTITION: Final = "plaudit-origin-partition"  # the same
    ORIGIN_OFFSET: Final = "plaudit-origin-offset"  # the same
    ORIGIN_TIMESTAMP: Final = "plaudit-origin-timestamp"  # when it was appended, epoch milliseconds
    ORIGIN_KEY: Final = "plaudit-origin-key"  # bytes as they were; dlq.events only
    PREFIX: Final = "plaudit-"


class Trigger(StrEnum):
    """Why a delivery is attempted."""

    EVENT = "event"
    RETRY = "retry"
    MANUAL = "manual"
    REDRIVE = "redrive"
    REPLAY = "replay"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class Names:
    """Every name that carries the prefix of an installation (`plaudit.` by default)."""

    prefix: str = DEFAULT_PREFIX

    def event_topic(self, entity: Entity) -> str:
        """Return the topic that holds the events of one entity."""
        return f"{self.prefix}{entity}"

    @property
    def event_topics(self) -> tuple[str, ...]:
        """All topics that hold events."""
        return tuple(self.event_topic(entity) for entity in Entity)

    @property
    def deliveries_prefix(self) -> str:
        """What the names of all `deliveries.*` topics begin with."""
        return f"{self.prefix}deliveries."

    def deliveries(self, delay: Delay) -> str:
        """Return the topic of a tier, such as `deliveries.now` or `deliveries.5s`."""
        return f"{self.deliveries_prefix}{delay.label}"

    @property
    def deliveries_now(self) -> str:
        """The tier without a delay."""
        return self.deliveries(NOW)

    @property
    def dlq_events(self) -> str:
        """Records that could not be read as events."""
        return f"{self.prefix}dlq.events"

    @property
    def dlq_deliveries(self) -> str:
        """Deliveries that were given up."""
        return f"{self.prefix}dlq.deliveries"

    @property
    def attempts(self) -> str:
        """One record for each attempt, and for each decision made without one."""
        return f"{self.prefix}attempts"

    @property
    def endpoints(self) -> str:
        """The compacted table of endpoints."""
        return f"{self.prefix}endpoints"

    @property
    def schemas(self) -> str:
        """The compacted table of Avro writer schemas."""
        return f"{self.prefix}schemas"

    @property
    def events_group(self) -> str:
        """Consumer group of the events lane."""
        return f"{self.prefix}deliver.events"

    @property
    def deliveries_group(self) -> str:
        """Consumer group of the deliveries lane."""
        return f"{self.prefix}deliver.deliveries"

    @property
    def recorder_group(self) -> str:
        """Consumer group of the recorder."""
        return f"{self.prefix}recorder"

    @property
    def unblock_group(self) -> str:
        """Consumer group without members, whose offsets are operators' orders to workers."""
        return f"{self.prefix}unblock"

    def publisher_transactional_id(self, name: str) -> str:
        """Return the transactional id of the publisher of that name."""
        return f"{self.prefix}publish.{name}"

    @property
    def dlq_transactional_id(self) -> str:
        """The one writer of dead-letter tombstones."""
        return f"{self.prefix}dlq"


def tier_of(topic: str, prefix: str) -> Delay | None:
    """Return the delay of a `deliveries.*` topic; None when it is none."""
    if not topic.startswith(prefix):
        return None
    try:
        return Delay.parse(topic.removeprefix(prefix))
    except DelayError:
        return None
