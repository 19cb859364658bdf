"""Registry ids of the event types' schemas."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plaudit.events.catalogue import EventType
from plaudit.kafka.errors import SettingsError
from plaudit.kafka.settings import REGISTRY_URL, KafkaSettings

if TYPE_CHECKING:
    from plaudit.events.registry.client import RegistryClient


class RegistryIds:
    """Look-up of schema ids in the registry, if one is configured.

    Args:
        settings: connection to the registry.

    Raises:
        SettingsError: the HTTP client for the registry is not installed.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self._client: RegistryClient | None = None
        if settings.schema_registry_url is None:
            return
        try:
            # Only installations with a registry need an HTTP client.
            from plaudit.events.registry.client import RegistryClient  # noqa: PLC0415 - an extra
        except ModuleNotFoundError as error:
            reason = f'{error.name} is missing; pip install "plaudit[registry]"'
            raise SettingsError(REGISTRY_URL, reason) from None
        self._client = RegistryClient(settings.schema_registry_url)

    def __call__(self, event_type: EventType) -> int | None:
        """Return the id of an event type's schema; queries each type once.

        Raises:
            RegistryFailure: no response, or the schema is not registered.
        """
        if self._client is None:
            return None
        return self._client.id_of(event_type.record, event_type.schema_json)

    def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            self._client.close()
