"""Decoder that knows every schema of an installation and connects on first use."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from plaudit.events.decoding import Event, EventDecoder, SchemaUnknown
from plaudit.events.framing import Headers
from plaudit.kafka.schemas.lookup import BlockingSchemaLookup, SchemaLookup
from plaudit.kafka.settings import KafkaSettings

if TYPE_CHECKING:
    from typing import Self

READ_S: Final = 10.0
"""Time to read the `schemas` topic; schemas that it has not read by then count as unknown."""


class LateDecoder:
    """Context manager that opens a decoder on first use; safe to use from any thread.

    Args:
        settings: connection to Kafka and the registry.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._ours = EventDecoder()
        self._schemas: SchemaLookup | None = None
        self._decoder: EventDecoder | None = None

    def decode(self, value: bytes, headers: Callable[[], Headers]) -> Event:
        """Return an event; connect only if this release does not contain its schema.

        Raises:
            Undecodable: the record can never be decoded.
            SchemaUnknown: the record can be decoded once its schema is known.
        """
        try:
            return self._ours.decode(value, headers)
        except SchemaUnknown:
            return self.get().decode(value, headers)

    def get(self) -> EventDecoder:
        """Return the decoder."""
        with self._lock:
            if self._decoder is None:
                self._schemas = SchemaLookup(self._settings)
                self._schemas.start()
                self._schemas.wait_ready(READ_S)
                self._decoder = EventDecoder(BlockingSchemaLookup(self._schemas))
            return self._decoder

    def close(self) -> None:
        """Close the connections, if open."""
        if self._schemas is not None:
            self._schemas.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
