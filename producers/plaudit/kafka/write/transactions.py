"""Transactions: all records or none, under an id that one producer holds at a time.

A producer that takes a `transactional.id` aborts the open transaction of the earlier holder, whose
next write raises `Fenced`. A transaction belongs to one thread and should be short: while it is
open, readers of committed records do not see later records.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Final

from confluent_kafka import OFFSET_INVALID, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka import Producer as Client

from plaudit.kafka.clients import open_client
from plaudit.kafka.connection_errors import ConnectionErrors
from plaudit.kafka.errors import (
    KafkaFailure,
    KafkaUnavailable,
    NotAuthorized,
    ProducerFatal,
    TopicProblem,
    TransactionAborted,
    UsedAfterFork,
    denied,
    translate,
)
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.write.config import (
    MAX_RECORD_BYTES,
    MISSING_TOPIC_MS,
    REFRESH_METADATA_MS,
    reliable,
)
from plaudit.kafka.write.missing_topic import translate_for_topic
from plaudit.kafka.write.producer import Headers
from plaudit.logs.logger import event_logger

if TYPE_CHECKING:
    from typing import Self

    from plaudit.kafka.read.consumer import CommittedOffset, Partition

TRANSACTION_TIMEOUT_MS: Final = 10_000
"""Time after which brokers abort the open transaction of a killed holder."""
PATIENCE_S: Final = 60.0
_CALL_S: Final = 2.0
_AGAIN_S: Final = 0.1


_log = event_logger(__name__)


class Transaction:
    """Records of one transaction; valid inside the `with` block that created it.

    Args:
        queue: queues a record, with its index.

    Attributes:
        failures: records that were refused, by index.
    """

    def __init__(self, queue: Callable[..., None]) -> None:
        self._queue = queue
        self._sent = 0
        self._offsets: list[TopicPartition] = []
        self._group: object = None
        self.failures: dict[int, KafkaFailure] = {}

    def send(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None = None,
        headers: Headers | None = None,
        partition: int = -1,
    ) -> int:
        """Add a record; return its index in the transaction, from 0.

        When the block ends without an exception, all records are written. `TransactionAborted`
        names refused records.

        Raises:
            KafkaFailure: this transaction can't continue.
        """
        number = self._sent
        self._sent += 1
        self._queue(self, number, topic, value, key, headers, partition)
        return number

    def consumed(self, group: object, places: Mapping[Partition, CommittedOffset]) -> None:
        """Commit a consumer's offsets in the transaction, so that progress and records agree.

        Args:
            group: `consumer_group_metadata()` of the consumer.
            places: next offset of each partition, with its metadata.
        """
        self._group = group
        self._offsets = [_topic_partition(*each) for each in places.items()]

    @property
    def progress(self) -> tuple[list[TopicPartition], object] | None:
        """Offsets to commit in the transaction, and their group."""
        return (self._offsets, self._group) if self._offsets else None


class TransactionalProducer:
    """Writes transactions under one `transactional.id`; belongs to one thread.

    Args:
        settings: connection to Kafka.
        transactional_id: the name, prefix included.
        patience_s: seconds to wait while the brokers are unavailable.
        max_record_bytes: larger records are rejected without asking the brokers.

    Raises:
        SettingsError: librdkafka rejects a property. Nothing is connected to yet.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        transactional_id: str,
        *,
        patience_s: float = PATIENCE_S,
        max_record_bytes: int = MAX_RECORD_BYTES,
    ) -> None:
        self.transactional_id = transactional_id
        self._patience_s = patience_s
        self._process = os.getpid()
        self._errors = ConnectionErrors()
        self._fatal: ProducerFatal | None = None
        enforced = {
            **reliable(max_record_bytes),
            "transactional.id": transactional_id,
            "transaction.timeout.ms": TRANSACTION_TIMEOUT_MS,
            "message.timeout.ms": TRANSACTION_TIMEOUT_MS,
            # A successful commit confirms every record.
            "delivery.report.only.error": True,
        }
        defaults = {
            "linger.ms": 5,
            "topic.metadata.propagation.max.ms": MISSING_TOPIC_MS,
            "topic.metadata.refresh.interval.ms": REFRESH_METADATA_MS,
        }
        config = {
            **settings.client_config(defaults, **enforced),
            "error_cb": self._on_error,
        }
        self._client = open_client(settings, Client, config)
        self._produce: Callable[..., None] = (
            self._client.produce
        )  # the stub requires invariant lists

    def fence(self) -> None:
        """Take the transactional id: abort an earlier holder's transaction, and fence the holder.

        Raises:
            KafkaUnavailable: the brokers were unavailable for longer than `patience_s`.
            NotAuthorized: this user may not use the transactional id.
        """
        doing = f"take transactional id {self.transactional_id}"
        self._until_done(doing, self._client.init_transactions)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Write the records of the block in one transaction, and commit it at the block's end.

        An exception in the block aborts the transaction and propagates.

        Raises:
            NotAuthorized: a permission is missing; nothing was written.
            TopicProblem: a topic is missing; nothing was written.
            TransactionAborted: nothing was written; retry without the records that it names as
                refused. (After a refused record, the client also aborts the next transaction.)
            Fenced: another process took the transactional id.
            ProducerFatal: this producer can't continue; fence again, and read to find out whether
                the last transaction was committed.
            KafkaUnavailable: the brokers were unavailable for longer than `patience_s`; fence again
                and read, as above.
        """
        if os.getpid() != self._process:
            doing = "begin a transaction"
            raise UsedAfterFork(doing)
        try:
            self._client.begin_transaction()
        except KafkaException as error:
            raise self._translated(error, "begin a transaction") from None
        transaction = Transaction(self._queue)
        try:
            yield transaction
            self._deliver(transaction)
        except ProducerFatal:
            raise
        except BaseException:
            self._abort()
            raise
        self._commit()

    def close(self) -> None:
        """Close; the next holder or the brokers abort an open transaction."""
        self._client.purge(blocking=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _queue(
        self,
        transaction: Transaction,
        number: int,
        topic: str,
        value: bytes | None,
        key: bytes | None,
        headers: Headers | None,
        partition: int,
    ) -> None:
        report = partial(self._report, transaction, number)
        deadline: float | None = None
        while True:
            try:
                self._produce(topic, value, key, partition, report, None, 0, headers)
            except BufferError:
                deadline = deadline or time.monotonic() + self._patience_s
                if time.monotonic() > deadline:
                    why = self._errors.reason or "nothing is taken"
                    raise KafkaUnavailable(f"publish to {topic}", why) from None
                self._serve()
            except KafkaException as error:
                failure = self._translated(error, f"publish to {topic}")
                if failure.retriable:
                    raise failure from None
                transaction.failures[number] = failure
                return
            else:
                return

    def _report(
        self, transaction: Transaction, number: int, error: KafkaError | None, message: Message
    ) -> None:
        if error is not None:
            transaction.failures[number] = translate_for_topic(error, message.topic() or "")

    def _deliver(self, transaction: Transaction) -> None:
        """Wait until the brokers have every record, and the offsets."""
        doing = "write a transaction"
        try:
            while self._client.flush(_AGAIN_S):
                pass  # every record is reported within the transaction's time-out
        except KafkaException as error:
            raise self._translated(error, doing) from None
        if self._fatal is not None:
            raise self._fatal
        if transaction.failures:
            for failure in transaction.failures.values():
                if isinstance(failure, NotAuthorized | TopicProblem):
                    raise failure  # a retry would fail, too
            lasting = {
                number: failure
                for number, failure in transaction.failures.items()
                if not failure.retriable
            }
            first = next(iter((lasting or transaction.failures).values()))
            raise TransactionAborted(doing, str(first), refused=lasting)
        if transaction.progress is not None:
            send = self._client.send_offsets_to_transaction
            self._until_done(doing, partial(send, *transaction.progress))

    def _commit(self) -> None:
        try:
            self._until_done("commit a transaction", self._client.commit_transaction)
        except TransactionAborted:
            self._abort()
            raise

    def _abort(self) -> None:
        """Abort the open transaction, and raise the cause.

        If even the abort fails, the producer is fatal: the next transaction reports it.
        """
        try:
            self._until_done("abort a transaction", self._client.abort_transaction)
        except ProducerFatal as fatal:
            self._fatal = self._fatal or fatal
            _log.warning("transaction.abort_failed", extra={"error": str(fatal)})

    def _until_done(self, doing: str, call: Callable[[float], None]) -> None:
        deadline = time.monotonic() + self._patience_s
        while True:
            try:
                call(_CALL_S)
            except KafkaException as error:
                found = error.args[0]
                self._serve()
                failure = self._translated(error, doing)
                refused = isinstance(failure, NotAuthorized)  # the client may call it retriable
                if found.retriable() and not refused and time.monotonic() < deadline:
                    continue
                if found.txn_requires_abort():
                    raise TransactionAborted(doing, str(failure)) from None
                raise failure from None
            else:
                return

    def _serve(self) -> None:
        """Let the client report connection errors."""
        with suppress(KafkaException):  # a fatal error, which `_on_error` has recorded
            self._client.poll(_AGAIN_S)

    def _translated(self, error: KafkaException, doing: str) -> KafkaFailure:
        failure = translate(error, doing)
        if isinstance(failure, ProducerFatal):
            if self._fatal is None:
                self._serve()
            failure = (
                self._fatal or failure
            )  # "fatal error" does not name the cause; the earlier error does
        if denied(failure):
            return NotAuthorized(doing, failure.reason, failure.code)
        return self._errors.explained(failure)

    def _on_error(self, error: KafkaError) -> None:
        """Record connection errors; called from within our own calls."""
        if error.fatal():
            failure = translate(error, f"write as {self.transactional_id}")
            if self._fatal is None and isinstance(failure, ProducerFatal):
                self._fatal = failure
        else:
            self._errors.note_error(error)


def _topic_partition(partition: Partition, place: CommittedOffset) -> TopicPartition:
    offset = OFFSET_INVALID if place.offset is None else place.offset
    return TopicPartition(*partition, offset, metadata=place.metadata)
