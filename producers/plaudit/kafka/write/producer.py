"""Idempotent producer with acknowledgement by all in-sync replicas, which reports every failure.

Every record that `send` accepts is reported exactly once through its `on_ack`, with an `Ack` or a
`SendFailure`, in the producer's poll thread, or in `serve` if it has none. That includes records
that are too large, that exceed the delivery timeout, or that are pending when the producer closes.
A callback must be quick and must not block, because later callbacks wait for it.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Final, NoReturn

from confluent_kafka import KafkaError, KafkaException, Message
from confluent_kafka import Producer as Client

from plaudit.kafka.clients import open_client
from plaudit.kafka.errors import (
    BufferFull,
    KafkaUnavailable,
    ProducerClosed,
    ProducerFatal,
    UsedAfterFork,
    translate,
)
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.write.acks import (
    Ack,
    Headers,
    OnAck,
    PublishCounts,
    PublishFuture,
    Report,
    SendFailure,
    ack_of,
)
from plaudit.kafka.write.config import (
    MISSING_TOPIC_MS,
    REFRESH_METADATA_MS,
    ProducerConfig,
    reliable,
)
from plaudit.kafka.write.missing_topic import translate_for_topic
from plaudit.logs.logger import event_logger

if TYPE_CHECKING:
    from typing import Self

__all__ = ["Ack", "Headers", "OnAck", "Producer", "ProducerConfig", "SendFailure"]

_POLL_SECONDS: Final = 0.1
# After a purge the reports are queued locally; this only limits a client that misbehaves.
_CLOSE_GRACE_SECONDS: Final = 5.0

_log = event_logger(__name__)


class Producer:
    """Sends records and reports the result of each; safe to use from any thread.

    Attributes:
        tally: results of `publish` so far.

    Args:
        settings: connection to Kafka.
        config: limits and timeouts.

    Raises:
        SettingsError: librdkafka rejects a property. Nothing is connected to yet.
    """

    def __init__(self, settings: KafkaSettings, config: ProducerConfig | None = None) -> None:
        self._client = open_client(settings, Client, self._client_config(settings, config))
        # Bound once, and replaced by a function that raises when the producer must not be used any
        # more, so that the hot path has no checks. Loosely typed: the stub wants invariant lists.
        self._produce: Callable[..., None] = self._client.produce
        self._refused: deque[tuple[OnAck, SendFailure]] = deque()
        self._progress = threading.Condition()
        self._waiters = 0
        self._closed = False
        self._fatal: ProducerFatal | None = None
        self.tally = PublishCounts()
        self._last_trouble = ""
        self._thread: threading.Thread | None = None
        if config is None or config.has_thread:
            self._thread = threading.Thread(target=self._poll, name="plaudit-producer", daemon=True)
            self._thread.start()
        _live.add(self)

    def _client_config(
        self, settings: KafkaSettings, config: ProducerConfig | None
    ) -> dict[str, object]:
        chosen = config or ProducerConfig()
        defaults = {
            "linger.ms": chosen.linger_ms,
            "queue.buffering.max.kbytes": chosen.buffer_kbytes,
            "topic.metadata.refresh.interval.ms": REFRESH_METADATA_MS,
        }
        if chosen.delivery_timeout_ms:
            defaults["topic.metadata.propagation.max.ms"] = MISSING_TOPIC_MS
        enforced = {
            **reliable(chosen.max_record_bytes),
            "message.timeout.ms": chosen.delivery_timeout_ms,
        }
        return {
            **settings.client_config(defaults, **enforced),
            "error_cb": self._on_client_error,
        }

    @property
    def fatal(self) -> ProducerFatal | None:
        """The error after which nothing can be sent, or None."""
        return self._fatal

    def send(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None = None,
        headers: Headers | None = None,
        partition: int = -1,
        *,
        on_ack: OnAck,
    ) -> None:
        """Queue one record; `on_ack` is called once, in the poll thread, with the result.

        Args:
            topic: target topic.
            value: value; None writes a tombstone.
            key: key; it chooses the partition unless `partition` is given.
            headers: headers in order.
            partition: target partition; -1 means by key.
            on_ack: callback; it must be quick and must not block.

        Raises:
            BufferFull: too many records are unacknowledged; nothing was queued.
            ProducerClosed: after `close`.
            UsedAfterFork: in a child process.
        """
        self._queue(topic, value, key, headers, partition, partial(self._report, on_ack), on_ack)

    def publish(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None = None,
        headers: Headers | None = None,
        partition: int = -1,
    ) -> Future[Ack]:
        """Queue one record; the future returns its `Ack` or raises the `KafkaFailure`.

        The future can't be cancelled: a queued record can't be withdrawn.

        Raises:
            BufferFull: too many records are unacknowledged; nothing was queued.
            ProducerClosed: after `close`.
            UsedAfterFork: in a child process.
        """
        future = PublishFuture(self.tally, self._failure)
        self._queue(topic, value, key, headers, partition, future, future.settle)
        return future

    def serve(self, timeout_s: float = 0.0) -> None:
        """Call the `on_ack` of reported records; for a producer without a thread.

        Args:
            timeout_s: seconds to wait for the first report.
        """
        try:
            self._client.poll(timeout_s)
            while self._refused:
                on_ack, failure = self._refused[0]
                try:
                    on_ack(failure)
                finally:
                    self._refused.popleft()
        except Exception:  # noqa: BLE001 - a caller's callback failed; report the other records
            _log.exception("producer.callback_failed")

    def unacknowledged(self) -> int:
        """Return the number of accepted records without a report."""
        return len(self._client) + len(self._refused)

    def flush(self, timeout_s: float) -> int:
        """Wait until all records, including those sent meanwhile, are reported.

        Never call it from an `on_ack`: it would wait for that callback.

        Returns:
            The number of records without a report. 0 means that every `on_ack` was called, not that
                every record was acknowledged.
        """
        self._wait(lambda: self.unacknowledged() == 0, timeout_s)
        return self.unacknowledged()

    def wait_for_progress(self, timeout_s: float) -> bool:
        """After `BufferFull`: wait until the queue shrinks; return False on time-out."""
        before = self.unacknowledged()
        return self._wait(lambda: self.unacknowledged() < before, timeout_s)

    def close(self, timeout_s: float = 10.0) -> int:
        """Stop accepting, wait for reports, fail the rest, and stop the poll thread.

        The rest is reported as a `SendFailure` with `ProducerClosed`, so that no caller waits
        forever. Closing twice is harmless.

        Returns:
            The number of failed records.
        """
        if self._closed or self._produce is _raise_forked:
            return 0
        self._produce = _raise_closed
        given_up = self.flush(timeout_s)
        if given_up:
            self._client.purge()
            self._wait(lambda: self.unacknowledged() == 0, _CLOSE_GRACE_SECONDS)
        self._closed = True
        if self._thread is not None:
            self._thread.join()
        return given_up

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        left = self.close()
        if left and exc is None:
            doing = "close the producer"
            raise ProducerClosed(doing, f"{left} records are not acknowledged")

    def _queue(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None,
        headers: Headers | None,
        partition: int,
        report: Report,
        on_ack: OnAck,
    ) -> None:
        try:
            # The callback is the fifth parameter; `on_delivery` is an alias of it.
            self._produce(topic, value, key, partition, report, None, 0, headers)
        except BufferError:
            doing = f"publish to {topic}"
            raise BufferFull(doing) from None
        except KafkaException as error:
            # Rejected before it was queued (too large, no such partition, fatal): report it through
            # the same callback.
            self._refused.append((on_ack, self._failure(error, topic)))

    def _report(self, on_ack: OnAck, error: KafkaError | None, message: Message) -> None:
        if error is None:
            on_ack(ack_of(message))
        else:
            on_ack(self._failure(error, message.topic() or ""))

    def _failure(self, error: KafkaError | KafkaException, topic: str) -> SendFailure:
        failure = translate_for_topic(error, topic)
        if isinstance(failure, KafkaUnavailable) and self._last_trouble:
            # "Message timed out" does not name the cause; the connection's error does.
            failure.reason = f"{failure.reason}; {self._last_trouble}"
        if isinstance(failure, ProducerFatal):
            self._fatal = self._fatal or failure
        return SendFailure(failure, failure.retriable)

    def _poll(self) -> None:
        """Run the poll thread: serve callbacks until stopped."""
        while not self._closed:
            self.serve(_POLL_SECONDS)
            if self._waiters:
                with self._progress:
                    self._progress.notify_all()

    def _wait(self, reached: Callable[[], bool], timeout_s: float) -> bool:
        """Wait until `reached`, which is checked after each round of the poll thread."""
        if self._produce is _raise_forked:
            _raise_forked()
        if self._thread is None:
            deadline_s = time.monotonic() + timeout_s
            while not reached() and (left_s := deadline_s - time.monotonic()) > 0:
                self.serve(min(left_s, _POLL_SECONDS))
            return reached()
        with self._progress:
            self._waiters += 1
            try:
                return self._progress.wait_for(reached, timeout_s)
            finally:
                self._waiters -= 1

    def _on_client_error(self, error: KafkaError) -> None:
        """Record connection errors; librdkafka calls it in the poll thread."""
        if error.fatal():
            failure = translate(error, "keep the producer idempotent")
            if isinstance(failure, ProducerFatal):
                self._fatal = failure
            _log.critical("producer.fatal", extra={"error": str(failure)})
        elif error.name() != "_ALL_BROKERS_DOWN":  # the preceding error is the cause
            self._last_trouble = error.str()

    def _after_fork(self) -> None:
        self._produce = _raise_forked


def _raise_closed(*_: object) -> NoReturn:
    doing = "publish"
    raise ProducerClosed(doing)


def _raise_forked(*_: object) -> NoReturn:
    doing = "publish"
    raise UsedAfterFork(doing)


# librdkafka's threads do not survive a fork: a record sent in the child would wait forever.
_live: weakref.WeakSet[Producer] = weakref.WeakSet()


def _after_fork() -> None:
    for producer in _live:
        producer._after_fork()  # noqa: SLF001 - same module


os.register_at_fork(after_in_child=_after_fork)
