"""Reading a compacted topic as a table: from its start to its end, and then following it.

A thread of its own reads; what it reads goes to a function that keeps the table. Nothing is
committed: every process reads the whole topic when it starts.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Message, TopicPartition
from confluent_kafka.admin._metadata import ClusterMetadata

from plaudit.kafka.clients import open_client
from plaudit.kafka.connection_errors import ConnectionErrors, answered
from plaudit.kafka.errors import KafkaFailure, TopicProblem, translate
from plaudit.kafka.settings import KafkaSettings

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

_READ_S: Final = 0.1
_READ_MOST: Final = 500
_ASK_TIMEOUT_S: Final = 2.0
_TRY_AGAIN_S: Final = 1.0
_END_OF_PARTITION: Final = "_PARTITION_EOF"

_log = logging.getLogger(__name__)

Apply = Callable[[bytes, bytes | None], None]


class CompactedTopic:
    """Follows a compacted topic in a thread; outages of the brokers are waited out.

    Args:
        settings: where Kafka is.
        topic: the compacted topic.
        apply: takes each record's key and value (None deletes), in the follower's thread. What it
            raises ends the follower and is raised by `wait_ready`.
        ask_every_s: how often the topic's end is asked for, and so how fresh `current_as_of` is.

    Attributes:
        appended_ms: when the record that is being applied was written, by the brokers' clock.

    Raises:
        SettingsError: a librdkafka property is refused.
    """

    def __init__(
        self, settings: KafkaSettings, topic: str, apply: Apply, *, ask_every_s: float = 0.5
    ) -> None:
        self._topic = topic
        self._apply = apply
        self._ask_every_s = ask_every_s
        self._ready = threading.Event()
        self._stop = threading.Event()
        self._problem: KafkaFailure | None = None
        self._crash: Exception | None = None
        self._current_as_of: float | None = None
        self.appended_ms = 0
        self._positions: dict[int, int] = {}
        self._troubles = ConnectionErrors()
        config = {**_config(settings, topic), "error_cb": self._troubles.heard}
        self._client = open_client(settings, Consumer, config)
        self._thread = threading.Thread(target=self._run, name=f"follow {topic}", daemon=True)

    @property
    def current_as_of(self) -> float | None:
        """Monotonic time, in seconds, at which the table was known to be complete; None: never."""
        return self._current_as_of

    @property
    def ready(self) -> bool:
        """Whether the topic has been read to the end that it had after the start."""
        return self._ready.is_set()

    @property
    def problem(self) -> KafkaFailure | None:
        """What keeps the table from being current, if anything does."""
        return self._problem

    def start(self) -> Self:
        """Begin to read."""
        self._thread.start()
        return self

    def wait_ready(self, timeout_s: float) -> bool:
        """Wait until the topic has been read to its end once; False when time is up.

        Raises:
            Exception: what `apply` raised, which ended the follower.
        """
        self._ready.wait(timeout_s)
        if self._crash is not None:
            raise self._crash
        return self._current_as_of is not None

    def close(self) -> None:
        """Stop reading; returns when the thread has ended."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _run(self) -> None:
        """Run the thread: find the partitions, then read until told to stop."""
        try:
            self._assign()
            self._follow()
        except Exception as error:  # noqa: BLE001 - raised by `wait_ready`, where it is heard
            _log.exception("table.crashed", extra={"topic": self._topic})
            self._crash = error
            self._ready.set()
        finally:
            self._client.close()

    def _assign(self) -> None:
        """Assign every partition from its start, as soon as the topic can be seen."""
        while not self._stop.is_set():
            try:
                partitions = self._partitions()
            except KafkaFailure as failure:
                self._report(failure)
                self._stop.wait(_TRY_AGAIN_S)
                continue
            self._positions = dict.fromkeys(partitions, 0)
            self._client.assign(
                [TopicPartition(self._topic, number, OFFSET_BEGINNING) for number in partitions]
            )
            return

    def _partitions(self) -> list[int]:
        doing = f"find topic {self._topic}"

        def ask(timeout_s: float) -> ClusterMetadata:
            seen: ClusterMetadata = self._client.list_topics(self._topic, timeout=timeout_s)
            return seen

        def serve() -> None:
            self._client.poll(_READ_S)

        seen = answered(ask, doing, _ASK_TIMEOUT_S, self._troubles, serve)
        topic = seen.topics[self._topic]
        if topic.error is not None:
            raise translate(topic.error, doing)
        if not topic.partitions:
            raise TopicProblem(doing, "it has no partitions")
        return sorted(topic.partitions)

    def _follow(self) -> None:
        """Read, and once in a while ask where the end is: what is read up to there is current."""
        asked_at, ends = 0.0, None
        while not self._stop.is_set():
            if ends is None and time.monotonic() >= asked_at + self._ask_every_s:
                asked_at = time.monotonic()
                ends = self._ends()
            self._read()
            if ends is not None and all(self._positions[part] >= ends[part] for part in ends):
                self._current_as_of, ends = asked_at, None
                self._problem = None
                self._troubles.over()
                self._ready.set()

    def _ends(self) -> Mapping[int, int] | None:
        """Ask the brokers for the offset behind the last record of each partition."""
        try:
            return {
                number: self._client.get_watermark_offsets(
                    TopicPartition(self._topic, number), timeout=_ASK_TIMEOUT_S
                )[1]
                for number in self._positions
            }
        except KafkaException as error:
            failure = translate(error, f"find the end of topic {self._topic}")
            self._report(self._troubles.explained(failure))
            return None

    def _read(self) -> None:
        """Wait for the first record, then take all that are there."""
        first = self._client.poll(_READ_S)
        if first is not None:
            for message in (first, *self._client.consume(_READ_MOST, 0)):
                self._take(message)

    def _take(self, message: Message) -> None:
        partition, offset = message.partition(), message.offset()
        error = message.error()
        if error is not None and error.name() != _END_OF_PARTITION:
            self._report(translate(error, f"read topic {self._topic}"))
            return
        if partition is None or offset is None:
            return
        if error is not None:
            # Compaction may have removed the last records: only this says that nothing follows.
            self._positions[partition] = offset
            return
        key = message.key()
        if key is not None:  # a compacted topic refuses records without a key
            self.appended_ms = message.timestamp()[1]
            self._apply(key, message.value())
        self._positions[partition] = offset + 1

    def _report(self, failure: KafkaFailure) -> None:
        """Keep the problem for whoever asks; log it once, not at every attempt.

        Whoever waits for the table to be there tells by itself what keeps it.
        """
        if self._problem is None or self._problem.code != failure.code:
            level = logging.WARNING if self.ready else logging.INFO
            _log.log(level, "table.behind", extra={"topic": self._topic, "error": str(failure)})
        self._problem = failure


def _config(settings: KafkaSettings, topic: str) -> dict[str, object]:
    defaults = {
        # One small topic: librdkafka's default of 64 MiB is not needed for it.
        "queued.max.messages.kbytes": 4_096,
        "fetch.max.bytes": 4 * 1024 * 1024,
        "fetch.wait.max.ms": 100,
    }
    return settings.client_config(
        defaults,
        **{
            # Demanded by the client. No group is joined, no offset committed.
            "group.id": f"{topic}.follower",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
            "allow.auto.create.topics": False,
        },
    )
