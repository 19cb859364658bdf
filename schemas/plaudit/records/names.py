"""Names of topics, consumer groups, transactional ids and headers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from plaudit.events.entity import Entity
from plaudit.records.delays import NOW, Delay, DelayError

DEFAULT_PREFIX: Final = "plaudit."


class Header:
    """Kafka headers that Plaudit adds to a record. Values are ASCII text unless noted.

    Each hop replaces them; none is appended to. None carries personal data.
    """

    DELIVERY_ID: Final = "plaudit-delivery-id"  # uuid5(event id, endpoint id)
    ENDPOINT_ID: Final = "plaudit-endpoint-id"  # the endpoint's id
    ENDPOINT_VERSION: Final = "plaudit-endpoint-version"  # its version at the time of writing
    WORKSPACE_ID: Final = "plaudit-workspace-id"  # workspace of the event
    TRIGGER: Final = "plaudit-trigger"  # event, retry, manual, redrive, replay or test
    ATTEMPT: Final = "plaudit-attempt"  # HTTP attempts made so far
    DIVERSIONS: Final = "plaudit-diversions"  # consecutive diversions since the last attempt
    REDRIVES: Final = "plaudit-redrives"  # how often it was redriven
    ENQUEUED_AT: Final = "plaudit-enqueued-at"  # epoch ms, set once
    FIRST_ATTEMPT_AT: Final = "plaudit-first-attempt-at"  # epoch ms
    NOT_BEFORE: Final = "plaudit-not-before"  # epoch ms; a Retry-After past the longest tier
    TURN_AT: Final = "plaudit-turn-at"  # epoch ms; reserved send time at a rate-limited endpoint
    UNJUDGED: Final = "plaudit-unjudged"  # 1; a defect stopped the filter, which judges again
    REASON: Final = "plaudit-reason"  # reason code; see Reason
    LAST_STATUS: Final = "plaudit-last-status"  # HTTP status of the last response
    LAST_ERROR: Final = "plaudit-last-error"  # UTF-8, at most 1 KiB
    ORIGIN_TOPIC: Final = "plaudit-origin-topic"  # topic of the event
    ORIGIN_PARTITION: Final = "plaudit-origin-partition"  # partition of the event
    ORIGIN_OFFSET: Final = "plaudit-origin-offset"  # offset of the event
    ORIGIN_TIMESTAMP: Final = "plaudit-origin-timestamp"  # append time of the event, epoch ms
    ORIGIN_KEY: Final = "plaudit-origin-key"  # the original key, unchanged; dlq.events only
    SCHEMA: Final = "plaudit-schema"  # fingerprint, hexadecimal; attempts in Confluent framing only
    PREFIX: Final = "plaudit-"


class Trigger(StrEnum):
    """Cause of an attempt."""

    EVENT = "event"
    RETRY = "retry"
    MANUAL = "manual"
    REDRIVE = "redrive"
    REPLAY = "replay"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class Names:
    """Every name that begins with an installation's prefix (`plaudit.` by default)."""

    prefix: str = DEFAULT_PREFIX

    def event_topic(self, entity: Entity) -> str:
        """Return the topic for the events of one entity."""
        return f"{self.prefix}{entity}"

    @property
    def event_topics(self) -> tuple[str, ...]:
        """All event topics."""
        return tuple(self.event_topic(entity) for entity in Entity)

    @property
    def deliveries_prefix(self) -> str:
        """Common prefix of all `deliveries.*` topics."""
        return f"{self.prefix}deliveries."

    def deliveries(self, delay: Delay) -> str:
        """Return the topic of a tier, such as `deliveries.now` or `deliveries.5s`."""
        return f"{self.deliveries_prefix}{delay.label}"

    @property
    def deliveries_now(self) -> str:
        """Topic of the tier with delay 0."""
        return self.deliveries(NOW)

    @property
    def dlq_events(self) -> str:
        """Dead-letter topic for records that can't be read as events."""
        return f"{self.prefix}dlq.events"

    @property
    def dlq_deliveries(self) -> str:
        """Dead-letter topic for deliveries that were given up."""
        return f"{self.prefix}dlq.deliveries"

    @property
    def attempts(self) -> str:
        """Topic with one record per attempt, and per decision made without an attempt."""
        return f"{self.prefix}attempts"

    @property
    def endpoints(self) -> str:
        """Compacted topic of endpoints."""
        return f"{self.prefix}endpoints"

    @property
    def health(self) -> str:
        """Topic in which workers tell each other about the health of endpoints."""
        return f"{self.prefix}health"

    @property
    def schemas(self) -> str:
        """Compacted topic of Avro writer schemas."""
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
        """Consumer group without members, whose offsets are operators' retry requests."""
        return f"{self.prefix}unblock"

    @property
    def dlq_prefix(self) -> str:
        """Common prefix of the groups, and of the transactional ids, of dead-letter jobs."""
        return f"{self.prefix}dlq"

    @property
    def replay_prefix(self) -> str:
        """Common prefix of the groups, and of the transactional ids, of replays."""
        return f"{self.prefix}replay."

    def publisher_transactional_id(self, name: str) -> str:
        """Return the transactional id of the publisher with this name."""
        return f"{self.prefix}publish.{name}"

    @property
    def dlq_transactional_id(self) -> str:
        """Transactional id of the job that writes dead-letter tombstones."""
        return f"{self.prefix}dlq"


def tier_of(topic: str, prefix: str) -> Delay | None:
    """Return the delay of a `deliveries.*` topic; None for any other topic."""
    if not topic.startswith(prefix):
        return None
    try:
        return Delay.parse(topic.removeprefix(prefix))
    except DelayError:
        return None
