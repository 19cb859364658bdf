"""Factory of librdkafka's administrative clients, whose package publishers do not import."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from confluent_kafka.admin import AdminClient

from plaudit.kafka.clients import open_client
from plaudit.kafka.settings import KafkaSettings

# Administrative requests go to the broker that the client takes for the controller. Until it reads
# the metadata again, that may be a broker that is away: the client then reconnects without a pause,
# which takes up to half a core, and each request times out. Every 5 minutes by default.
DEFAULTS: Final[Mapping[str, object]] = {"topic.metadata.refresh.interval.ms": 5_000}


def open_admin_client(settings: KafkaSettings, config: Mapping[str, object]) -> AdminClient:
    """Construct an administrative client, without connecting; arguments as of `open_client`.

    Raises:
        SettingsError: librdkafka rejects a property or its value.
    """
    return open_client(settings, AdminClient, {**DEFAULTS, **config})
