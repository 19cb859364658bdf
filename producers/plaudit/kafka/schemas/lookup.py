"""Look-up of writer schemas in the `schemas` topic or a registry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from plaudit.events.catalogue import CATALOGUE
from plaudit.events.decoding import SchemaUnknown, Undecodable
from plaudit.events.framing import SchemaId
from plaudit.kafka.schemas.topic import SchemasFollower
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.waiting import ask_until

if TYPE_CHECKING:
    from plaudit.events.registry.client import RegistryLookup

_ASK_AGAIN_S: Final = 0.05
NO_REGISTRY: Final = (
    "only a registry knows ids, and PLAUDIT_SCHEMA_REGISTRY_URL is not set in this process"
)


def unknown(fingerprint: bytes, topic: str, *, is_read: bool) -> SchemaUnknown:
    """Return the error for a fingerprint that the `schemas` topic does not have."""
    if not is_read:
        return SchemaUnknown(fingerprint.hex(), f"{topic} is not read to its end", asked=False)
    advice = "run `plaudit schemas register` with the release that writes it"
    return SchemaUnknown(fingerprint.hex(), f"{topic} does not have it; {advice}")


class SchemaLookup:
    """Look-up of writer schemas that never blocks.

    Args:
        settings: connection to Kafka and the registry.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        url = settings.schema_registry_url
        self._topic_name = settings.names.schemas
        self._topic = SchemasFollower(settings)
        self._registry = None if url is None else _registry_at(url)

    def by_fingerprint(self, fingerprint: bytes) -> str | None:
        """Return the schema with this fingerprint.

        Raises:
            SchemaUnknown: the topic does not have it yet.
        """
        found = self._topic.by_fingerprint(fingerprint)
        if found is None:
            raise unknown(fingerprint, self._topic_name, is_read=self._topic.is_current)
        return found

    def by_id(self, schema_id: SchemaId) -> str | None:
        """Return the registry's schema with this id; None while it is being fetched.

        Raises:
            SchemaUnknown: the registry is unavailable.
            Undecodable: the registry does not have it, or no registry is configured.
        """
        if self._registry is None:
            raise Undecodable("unknown_format", f"schema id {schema_id}: {NO_REGISTRY}")
        return self._registry.by_id(schema_id)

    def start(self) -> None:
        """Start following the topic."""
        self._topic.start()

    def wait_ready(self, timeout_s: float) -> bool:
        """Wait until the topic has been read to its end once; return False on time-out."""
        return self._topic.wait_ready(timeout_s)

    def close(self) -> None:
        """Stop following."""
        self._topic.close()
        if self._registry is not None:
            self._registry.close()


def _registry_at(url: str) -> RegistryLookup:
    # Importing the HTTP client takes a fifth of a command's start-up; most installations need none.
    from plaudit.events.registry.client import RegistryLookup  # noqa: PLC0415 - takes long, is seldom needed

    return RegistryLookup(url, [each.record for each in CATALOGUE.values()])


class BlockingSchemaLookup:
    """Look-up for jobs that read each record once: waits until a result is available.

    Args:
        known: look-up that does not block.
        wait_s: seconds to wait for a result.
    """

    def __init__(self, known: SchemaLookup, wait_s: float = 10.0) -> None:
        self._known = known
        self._wait_s = wait_s

    def by_fingerprint(self, fingerprint: bytes) -> str | None:
        """Return the schema with this fingerprint.

        Raises:
            SchemaUnknown: the topic does not have it.
        """
        return self._known.by_fingerprint(fingerprint)

    def by_id(self, schema_id: SchemaId) -> str | None:
        """Return the registry's schema with this id.

        Raises:
            SchemaUnknown: the registry is unavailable.
            Undecodable: the registry does not have it, or no registry is configured.
        """
        found = ask_until(lambda: self._known.by_id(schema_id), self._wait_s, every_s=_ASK_AGAIN_S)
        if found is None:
            raise SchemaUnknown(f"id {schema_id}", "the registry did not answer in time")
        return found
