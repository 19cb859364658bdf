"""Endpoint index of a job: owner, status and subscriptions of each endpoint.

It decrypts nothing, so a redrive works without the secret keys.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from plaudit.endpoints.filters import Filter, known_filter
from plaudit.kafka.read.compacted import CompactedTopic
from plaudit.kafka.settings import KafkaSettings
from plaudit.logs.logger import event_logger
from plaudit.records.endpoint import EndpointRecord, RecordError, decode_endpoint

if TYPE_CHECKING:
    from typing import Self

_log = event_logger(__name__)


@dataclass(frozen=True, slots=True)
class EndpointSummary:
    """Unencrypted fields of an endpoint.

    Attributes:
        endpoint_id: UUID.
        workspace_id: workspace that owns it.
        version: version; it grows with every change.
        active: whether it is enabled.
        disabled_reason: why it is disabled.
        types: event types of its subscription; empty means all.
        spaces: spaces of its subscription; empty means all.
        active_from_ms: events appended before this are not matched.
        disabled_since_ms: when it was last disabled, if the topic still has that record.
        enabled_at_ms: when it was enabled again; None if it was never disabled, or still is.
        deleted: whether its tombstone was read.
        wants: its content filter; None means everything.
    """

    endpoint_id: str
    workspace_id: str
    version: int
    active: bool
    disabled_reason: str | None
    types: frozenset[str]
    spaces: frozenset[str]
    active_from_ms: int
    disabled_since_ms: int | None
    enabled_at_ms: int | None = None
    deleted: bool = False
    wants: Filter | None = None


class EndpointDirectory:
    """Every endpoint, read from the compacted topic and followed while the job runs.

    Args:
        settings: connection to Kafka.

    Raises:
        SettingsError: librdkafka rejects a property.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self._known: dict[str, EndpointSummary] = {}
        self._follower = CompactedTopic(settings, settings.names.endpoints, self.apply)

    def find(self, endpoint_id: str) -> EndpointSummary | None:
        """Return an endpoint; None if the id is unknown."""
        return self._known.get(endpoint_id)

    def all(self) -> Collection[EndpointSummary]:
        """Return every known endpoint, including deleted ones."""
        return tuple(self._known.values())

    def known(self, endpoint_id: str) -> EndpointSummary:
        """Return an endpoint that was found before.

        Raises:
            LookupError: the endpoint was not found before.
        """
        return self._known[endpoint_id]

    def apply(self, key: bytes, value: bytes | None) -> None:
        """Process a record of the topic."""
        endpoint_id = key.decode("utf-8", "replace")
        if value is None:
            gone = self._known.get(endpoint_id)
            if gone is not None:  # keep it: a job may already have decided to send to it
                self._known[endpoint_id] = replace(gone, active=False, deleted=True)
            return
        try:
            record = decode_endpoint(value)
        except RecordError as error:
            _log.warning(
                "endpoint.unreadable", extra={"endpoint_id": endpoint_id, "error": str(error)}
            )
            return
        before = self._known.get(endpoint_id)
        if before is None or before.version <= record["version"]:
            self._known[endpoint_id] = _known(record, before)

    def __enter__(self) -> Self:
        """Read the topic to its end.

        Raises:
            KafkaFailure: it can't be read.
        """
        self._follower.read_to_end()
        return self

    def __exit__(self, *_: object) -> None:
        self._follower.close()


def _known(record: EndpointRecord, before: EndpointSummary | None) -> EndpointSummary:
    disabled = record["status"] != "ACTIVE"
    since = None if before is None else before.disabled_since_ms
    if disabled:
        since = record["status_since"]
    return EndpointSummary(
        record["endpoint_id"],
        record["workspace_id"],
        record["version"],
        not disabled,
        record["status_reason"] if disabled else None,
        frozenset(record["event_types"]),
        frozenset(record["spaces"]),
        record["active_from"],
        since,
        None if disabled else record["status_since"],
        wants=known_filter(record["content_filter"]),
    )
