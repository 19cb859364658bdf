"""The schemas that events were written with: from the `schemas` topic, or from a registry."""

from __future__ import annotations

from plaudit.events.catalogue import CATALOGUE
from plaudit.events.registry import RegistryLookup
from plaudit.kafka.schemas_topic import SchemasFollower
from plaudit.kafka.settings import KafkaSettings


class KnownSchemas:
    """Look-ups of writers' schemas that never block (see `SchemaLookup`).

    Args:
        settings: where Kafka and the registry are.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        url = settings.schema_registry_url
        self._topic = SchemasFollower(settings)
        self._registry = (
            None
            if url is None
            else RegistryLookup(url, [each.record for each in CATALOGUE.values()])
        )

    def by_fingerprint(self, fingerprint: bytes) -> str | None:
        """Return the schema with that fingerprint, if it is known by now."""
        return self._topic.by_fingerprint(fingerprint)

    def by_id(self, schema_id: int) -> str | None:
        """Return the registry's schema of that id, if it is known by now."""
        return None if self._registry is None else self._registry.by_id(schema_id)

    def start(self) -> None:
        """Begin to follow the topic."""
        self._topic.start()

    def wait_ready(self, timeout_s: float) -> bool:
        """Wait until the topic has been read to its end once; False when time is up."""
        return self._topic.wait_ready(timeout_s)

    def close(self) -> None:
        """Stop following."""
        self._topic.close()
        if self._registry is not None:
            self._registry.close()
