"""Making librdkafka clients: one place that knows how they fail to start and where they log."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from confluent_kafka import KafkaException

from plaudit.kafka.errors import SettingsError, translate
from plaudit.kafka.settings import PASSTHROUGH, KafkaSettings, variable_of

Client = TypeVar("Client")

# librdkafka writes to stderr unless told otherwise; whoever runs the process decides instead.
LOG: Final = logging.getLogger("plaudit.kafka.librdkafka")
LOG.addHandler(logging.NullHandler())

_QUOTED: Final = re.compile(r'["`]([a-z0-9._]+)["`]')


def open_client(
    settings: KafkaSettings,
    make: Callable[[dict[str, Any]], Client],
    config: Mapping[str, object],
) -> Client:
    """Construct a librdkafka client; nothing is connected to yet.

    Args:
        settings: where `config` came from; used to name the variable behind a refused property.
        make: `Producer`, `Consumer` or `AdminClient` of confluent_kafka.
        config: from `KafkaSettings.client_config`, plus callbacks.

    Raises:
        SettingsError: librdkafka refuses a property or its value.
    """
    try:
        return make({**config, "logger": LOG})
    except KafkaException as error:
        failure = translate(error, "configure the Kafka client")
        raise SettingsError(_culprit(settings, failure.reason), failure.reason) from None


def _culprit(settings: KafkaSettings, reason: str) -> str:
    """Name the variable that librdkafka complains of, or all that can be meant."""
    quoted = [name for name in _QUOTED.findall(reason) if name in settings.properties]
    # librdkafka may name an alias (`linger.ms` is `queue.buffering.max.ms`) or none at all.
    suspects = quoted or sorted(settings.properties)
    return ", ".join(variable_of(name) for name in suspects) or f"{PASSTHROUGH}*"
