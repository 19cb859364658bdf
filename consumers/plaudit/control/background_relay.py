"""The relay in a thread of its own, for a process whose requests must not wait for the brokers."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from sqlalchemy.engine import Engine

from plaudit.endpoints.keys import SecretKeys
from plaudit.kafka.errors import KafkaFailure
from plaudit.kafka.write.producer import Producer
from plaudit.store.db.database import DatabaseFailure, translated
from plaudit.store.endpoints.relay import Relay

_log = logging.getLogger(__name__)

EVERY_S = 0.5


class BackgroundRelay(Relay):
    """A relay whose `run` only wakes the thread that does it; `wait_for` looks how far that is.

    Args:
        engine: the database.
        producer: to write with.
        topic: `Names.endpoints`.
        keys: seal the records.
    """

    def __init__(self, engine: Engine, producer: Producer, topic: str, keys: SecretKeys) -> None:
        super().__init__(engine, producer, topic, keys)
        self._wanted = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="relay", daemon=True)

    def run(self, told: Callable[[int], None] = lambda _: None) -> int:
        """Have what is there relayed soon; nothing is told of it."""
        del told
        self._wanted.set()
        return 0

    def start(self) -> None:
        """Begin to relay."""
        self._thread.start()

    def close(self) -> None:
        """Stop after the batch in hand; what is left is relayed by the next one."""
        self._stop.set()
        self._wanted.set()
        self._thread.join(10)

    def _serve(self) -> None:
        trouble = ""
        while not self._stop.is_set():
            self._wanted.wait(EVERY_S)
            self._wanted.clear()
            try:
                if self.waiting():
                    with translated():
                        super().run()
                trouble = ""
            except (KafkaFailure, DatabaseFailure) as failure:
                if str(failure) != trouble:
                    trouble = str(failure)
                    _log.warning("relay.waits", extra={"error": trouble})
            except Exception:  # noqa: BLE001 - a defect; we hear of it, and it is tried again
                _log.exception("relay.crashed")
                self._stop.wait(EVERY_S)
