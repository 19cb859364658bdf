"""Relay in a thread, for processes whose requests must not wait for the brokers."""

from __future__ import annotations

import threading
from collections.abc import Callable

from sqlalchemy.engine import Engine

from plaudit.endpoints.keys import SecretKeys
from plaudit.kafka.errors import KafkaFailure
from plaudit.kafka.write.producer import Producer
from plaudit.logs.logger import event_logger
from plaudit.logs.once_logger import OnceLogger
from plaudit.store.db.database import DatabaseFailure, translated
from plaudit.store.endpoints.relay import Relay

_log = event_logger(__name__)

EVERY_S = 0.5


class BackgroundRelay(Relay):
    """A relay whose `run` only wakes its thread; `wait_for` checks the progress.

    Args:
        engine: database.
        producer: producer to write with.
        topic: `Names.endpoints`.
        keys: keys that encrypt the records.
    """

    def __init__(self, engine: Engine, producer: Producer, topic: str, keys: SecretKeys) -> None:
        super().__init__(engine, producer, topic, keys)
        self._wanted = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="relay", daemon=True)

    def run(self, on_progress: Callable[[int], None] = lambda _: None) -> int:
        """Wake the thread; do not wait for the result."""
        del on_progress
        self._wanted.set()
        return 0

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def close(self) -> None:
        """Stop after the current batch; the next process relays the rest."""
        self._stop.set()
        self._wanted.set()
        self._thread.join(10)

    def _serve(self) -> None:
        once = OnceLogger(_log)
        while not self._stop.is_set():
            self._wanted.wait(EVERY_S)
            self._wanted.clear()
            try:
                if self.waiting():
                    with translated():
                        super().run()
                once.recovered()
            except (KafkaFailure, DatabaseFailure) as failure:
                once.failed("relay.unavailable", failure)
            except Exception:  # noqa: BLE001 - a defect; it is logged and retried
                _log.exception("relay.crashed")
                self._stop.wait(EVERY_S)
