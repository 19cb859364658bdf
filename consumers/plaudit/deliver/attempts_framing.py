"""Framing of a worker's attempt records, by its settings."""

from __future__ import annotations

import json
from typing import Final

from plaudit.kafka.errors import SettingsError
from plaudit.kafka.settings import REGISTRY_URL, KafkaSettings
from plaudit.records.attempt import AttemptFraming, confluent_framing
from plaudit.records.codec import record_codec

VARIABLE: Final = "PLAUDIT_ATTEMPTS_FRAMING"


def attempts_framing(settings: KafkaSettings, framing: str) -> AttemptFraming | None:
    """Return the framing of attempt records; None: single-object encoding.

    Raises:
        SettingsError: a registry is not configured, or its HTTP client is not installed.
        RegistryFailure: no response, or the schema is not registered.
    """
    if framing == "single-object":
        return None
    if settings.schema_registry_url is None:
        raise SettingsError(VARIABLE, f"confluent needs {REGISTRY_URL}")
    try:
        # Only installations with a registry need an HTTP client.
        from plaudit.events.registry.client import RegistryClient  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        reason = f'{error.name} is missing; pip install "plaudit[registry]"'
        raise SettingsError(REGISTRY_URL, reason) from None
    codec = record_codec("attempt")
    client = RegistryClient(settings.schema_registry_url)
    try:
        return confluent_framing(client.id_of(codec.record, json.dumps(codec.schema)))
    finally:
        client.close()
