"""Factory of librdkafka clients, with their start-up errors and logging."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from confluent_kafka import KafkaException

from plaudit.kafka.errors import SettingsError, translate
from plaudit.kafka.settings import PASSTHROUGH, KafkaSettings, variable_of
from plaudit.kafka.token_provider import token_provider

Client = TypeVar("Client")

# librdkafka writes to stderr by default; this lets the process configure it.
LOG: Final = logging.getLogger("plaudit.kafka.librdkafka")
LOG.addHandler(logging.NullHandler())

_QUOTED: Final = re.compile(r'["`]([a-z0-9._]+)["`]')


def open_client(
    settings: KafkaSettings,
    make: Callable[[dict[str, Any]], Client],
    config: Mapping[str, object],
) -> Client:
    """Construct a librdkafka client, without connecting.

    Args:
        settings: origin of `config`; used to name the variable behind a rejected property.
        make: `Producer`, `Consumer` or `AdminClient` of confluent_kafka.
        config: result of `KafkaSettings.client_config`, plus callbacks.

    Raises:
        SettingsError: librdkafka rejects a property or its value.
    """
    given: dict[str, Any] = {**config, "logger": LOG}
    if settings.token_provider is not None:
        provide = token_provider(settings.token_provider)
        given["oauth_cb"] = lambda _: provide()  # librdkafka passes a property of its own
    try:
        return make(given)
    except KafkaException as error:
        failure = translate(error, "configure the Kafka client")
        raise SettingsError(_culprit(settings, failure.reason), failure.reason) from None


def _culprit(settings: KafkaSettings, reason: str) -> str:
    """Return the variable that librdkafka's message concerns, or all candidates."""
    quoted = [name for name in _QUOTED.findall(reason) if name in settings.properties]
    # librdkafka may name an alias (`linger.ms` is `queue.buffering.max.ms`) or no property at all.
    suspects = quoted or sorted(settings.properties)
    return ", ".join(variable_of(name) for name in suspects) or f"{PASSTHROUGH}*"
