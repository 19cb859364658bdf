"""The schemas that events were written with: from the `schemas` topic, or from a registry."""

from __future__ import annotations

import time
from typing import Final

from plaudit.events.catalogue import CATALOGUE
from plaudit.events.decoding import SchemaUnknown, Undecodable
from plaudit.events.registry.client import RegistryLookup
from plaudit.kafka.schemas.topic import SchemasFollower
from plaudit.kafka.settings import KafkaSettings

_ASK_AGAIN_S: Final = 0.05
NO_REGISTRY: Final = (
    "only a registry knows ids, and PLAUDIT_SCHEMA_REGISTRY_URL is not set in this process"
)


def unknown(fingerprint: bytes, topic: str, *, is_read: bool) -> SchemaUnknown:
    """Return what to say of a fingerprint that the `schemas` topic does not have."""
    if not is_read:
        return SchemaUnknown(fingerprint.hex(), f"{topic} is not read to its end", asked=False)
    way_out = "run `plaudit schemas register` with the release that writes it"
    return SchemaUnknown(fingerprint.hex(), f"{topic} does not have it; {way_out}")


class SchemaLookup:
    """Look-ups of writers' schemas that never block (see `SchemaLookup`).

    Args:
        settings: where Kafka and the registry are.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        url = settings.schema_registry_url
        self._topic_name = settings.names.schemas
        self._topic = SchemasFollower(settings)
        self._registry = (
            None
            if url is None
            else RegistryLookup(url, [each.record for each in CATALOGUE.values()])
        )

    def by_fingerprint(self, fingerprint: bytes) -> str | None:
        """Return the schema with that fingerprint.

        Raises:
            SchemaUnknown: the topic does not have it by now.
        """
        found = self._topic.by_fingerprint(fingerprint)
        if found is None:
            raise unknown(fingerprint, self._topic_name, is_read=self._topic.is_current)
        return found

    def by_id(self, schema_id: int) -> str | None:
        """Return the registry's schema of that id; None while it is being fetched.

        Raises:
            SchemaUnknown: the registry could not be asked.
            Undecodable: it does not have it, or there is not one to ask.
        """
        if self._registry is None:
            raise Undecodable("unknown_format", f"schema id {schema_id}: {NO_REGISTRY}")
        return self._registry.by_id(schema_id)

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


class AnsweredSchemas:
    """Look-ups of a job that reads a record once: they wait until there is an answer.

    Args:
        known: what is asked.
        wait_s: how long an answer is waited for.
    """

    def __init__(self, known: SchemaLookup, wait_s: float = 10.0) -> None:
        self._known = known
        self._wait_s = wait_s

    def by_fingerprint(self, fingerprint: bytes) -> str | None:
        """Return the schema with that fingerprint.

        Raises:
            SchemaUnknown: the topic does not have it.
        """
        return self._known.by_fingerprint(fingerprint)

    def by_id(self, schema_id: int) -> str | None:
        """Return the registry's schema of that id.

        Raises:
            SchemaUnknown: the registry could not be asked.
            Undecodable: it does not have it, or there is not one to ask.
        """
        deadline = time.monotonic() + self._wait_s
        while (found := self._known.by_id(schema_id)) is None:
            if time.monotonic() > deadline:
                raise SchemaUnknown(f"id {schema_id}", "the registry did not answer in time")
            time.sleep(_ASK_AGAIN_S)
        return found
