"""Compacted topic as a table: read to its end, then followed.

A thread reads the topic and passes each record to a function that maintains the table. It commits
nothing: every process reads the whole topic when it starts.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Message, TopicPartition

from plaudit.kafka.admin_types import ClusterMetadata
from plaudit.kafka.clients import open_client
from plaudit.kafka.connection_errors import ConnectionErrors, call_until
from plaudit.kafka.errors import KafkaFailure, KafkaUnavailable, TopicProblem, translate
from plaudit.kafka.read.behind_logger import BehindLogger
from plaudit.kafka.read.watermarks import ends as find_ends
from plaudit.kafka.settings import KafkaSettings
from plaudit.logs.logger import event_logger
from plaudit.records.times import wall_ms

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

_READ_S: Final = 0.5
"""Longest time of a read. `close` waits for its end."""
_FETCH_MOST_S: Final = 1.0
_SERVE_S: Final = 0.1
"""Time for the client's callbacks between two attempts of a call."""
_READ_MOST: Final = 500
_ASK_TIMEOUT_S: Final = 2.0
_TRY_AGAIN_S: Final = 1.0
_LOOK_S: Final = 0.25
READ_S: Final = 60.0
"""Time limit of `read_to_end`."""
AWAY_S: Final = 15.0
"""Time that `read_to_end` waits for unavailable brokers."""
_END_OF_PARTITION: Final = "_PARTITION_EOF"

_log = event_logger(__name__)

Apply = Callable[[bytes, bytes | None], None]


class CompactedTopic:
    """Follows a compacted topic in a thread; waits while the brokers are unavailable.

    Args:
        settings: connection to Kafka.
        topic: the compacted topic.
        apply: receives each record's key and value (None deletes), in the follower's thread. An
            exception from it ends the follower; `wait_ready` raises it.
        ask_every_s: interval at which the topic's end is queried; it bounds `current_as_of`.
        rest_s: time between two reads once the topic was read, for records that are not urgent.
        look_back_s: age of the oldest records to read at the start; 0 reads all.

    Attributes:
        appended_ms: append time of the record being applied, by the brokers' clock.

    Raises:
        SettingsError: librdkafka rejects a property.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        topic: str,
        apply: Apply,
        *,
        ask_every_s: float = 0.5,
        rest_s: float = 0.0,
        look_back_s: float = 0.0,
    ) -> None:
        self._topic = topic
        self._apply = apply
        self._ask_every_s = ask_every_s
        self._rest_s = rest_s
        self._look_back_s = look_back_s
        self._ready = threading.Event()
        self._stop = threading.Event()
        self._wanted = threading.Event()
        self._problem: KafkaFailure | None = None
        self._crash: Exception | None = None
        self._current_as_of: float | None = None
        self.appended_ms = 0
        self._positions: dict[int, int] = {}
        self._errors = ConnectionErrors()
        self._behind = BehindLogger(topic)
        own = _config(settings, topic, min(ask_every_s / 2, _FETCH_MOST_S))
        config = {**own, "error_cb": self._errors.note_error}
        self._client = open_client(settings, Consumer, config)
        self._thread = threading.Thread(target=self._run, name=f"follow {topic}", daemon=True)

    @property
    def current_as_of(self) -> float | None:
        """Monotonic time (s) at which the table was known to be complete; None before that."""
        return self._current_as_of

    @property
    def ready(self) -> bool:
        """Whether the topic has been read up to the end that it had after the start."""
        return self._ready.is_set()

    @property
    def problem(self) -> KafkaFailure | None:
        """Error that keeps the table from being current; None while it is."""
        return self._problem

    def start(self) -> Self:
        """Start reading."""
        self._thread.start()
        return self

    def wait_ready(self, timeout_s: float) -> bool:
        """Wait until the topic has been read to its end once; return False on time-out.

        Raises:
            Exception: the exception from `apply` that ended the follower.
        """
        self._ready.wait(timeout_s)
        if self._crash is not None:
            raise self._crash
        return self._current_as_of is not None

    def read_soon(self) -> None:
        """End a rest between two reads; from any thread."""
        self._wanted.set()

    def read_to_end(self) -> None:
        """Start, and return when the topic has been read to its end once.

        Raises:
            KafkaFailure: it can't be read; reading has stopped then.
        """
        self.start()
        began = time.monotonic()
        while not self.wait_ready(_LOOK_S):
            problem = self._problem
            waiting_helps = problem is None or isinstance(problem, KafkaUnavailable)
            patience_s = READ_S if problem is None else AWAY_S
            if not waiting_helps or time.monotonic() > began + patience_s:
                self.close()
                doing = f"read topic {self._topic}"
                raise problem or KafkaUnavailable(doing, f"not in {READ_S:g} s")

    def close(self) -> None:
        """Stop reading; return when the thread has ended."""
        self._stop.set()
        self._wanted.set()
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
        """Run the thread: find the partitions, then read until stopped."""
        try:
            self._assign()
            self._follow()
        except Exception as error:  # noqa: BLE001 - raised by `wait_ready`
            _log.exception("table.crashed", extra={"topic": self._topic})
            self._crash = error
            self._ready.set()
        finally:
            self._client.close()

    def _assign(self) -> None:
        """Assign every partition at its start position, as soon as the topic is visible."""
        while not self._stop.is_set():
            try:
                places = self._places(self._partitions())
            except KafkaFailure as failure:
                self._report(failure)
                self._stop.wait(_TRY_AGAIN_S)
                continue
            self._positions = {each.partition: 0 for each in places}
            self._client.assign(places)
            return

    def _places(self, partitions: list[int]) -> list[TopicPartition]:
        """Return the start position in each partition.

        Raises:
            KafkaFailure: the brokers do not answer.
        """
        if not self._look_back_s:
            return [TopicPartition(self._topic, each, OFFSET_BEGINNING) for each in partitions]
        since_ms = wall_ms() - int(self._look_back_s * 1_000)
        asked = [TopicPartition(self._topic, each, since_ms) for each in partitions]
        try:
            found: list[TopicPartition] = self._client.offsets_for_times(
                asked, timeout=_ASK_TIMEOUT_S
            )
        except KafkaException as error:
            failure = translate(error, f"find the latest records of topic {self._topic}")
            raise self._errors.explained(failure) from None
        for each in found:
            if each.error is not None:
                raise translate(each.error, f"find the latest records of topic {self._topic}")
        return found

    def _partitions(self) -> list[int]:
        doing = f"find topic {self._topic}"

        def ask(timeout_s: float) -> ClusterMetadata:
            seen: ClusterMetadata = self._client.list_topics(self._topic, timeout=timeout_s)
            return seen

        def serve() -> None:
            self._client.poll(_SERVE_S)

        seen = call_until(ask, doing, _ASK_TIMEOUT_S, self._errors, serve)
        topic = seen.topics[self._topic]
        if topic.error is not None:
            raise translate(topic.error, doing)
        if not topic.partitions:
            raise TopicProblem(doing, "it has no partitions")
        return sorted(topic.partitions)

    def _follow(self) -> None:
        """Read, and query the topic's end at intervals; the table is current up to that end."""
        asked_at, ends = 0.0, None
        while not self._stop.is_set():
            if ends is None and time.monotonic() >= asked_at + self._ask_every_s:
                asked_at = time.monotonic()
                ends = self._ends()
            if ends is None or not self._reaches(ends):
                left_s = asked_at + self._ask_every_s - time.monotonic()
                self._read(_READ_S if ends is not None else min(_READ_S, max(0.0, left_s)))
            if ends is not None and self._reaches(ends):
                self._current_as_of, ends = asked_at, None
                self._problem = None
                self._behind.is_current()
                self._errors.note_response()
                self._ready.set()

    def _ends(self) -> Mapping[int, int] | None:
        """Query the offset after the last record of each partition."""
        try:
            return find_ends(self._client, self._topic, self._positions, _ASK_TIMEOUT_S)
        except KafkaException as error:
            failure = translate(error, f"find the end of topic {self._topic}")
            self._report(self._errors.explained(failure))
            return None

    def _reaches(self, ends: Mapping[int, int]) -> bool:
        """Return whether the table has read up to these ends."""
        return all(self._positions[part] >= ends[part] for part in ends)

    def _read(self, wait_s: float) -> None:
        """Wait for the first record, then take all that are available."""
        rests = self._rest_s and self.ready
        # `poll` would wake up five times a second, to look for signals.
        first = self._client.consume(1, 0.0 if rests else wait_s)
        if first:
            for message in (*first, *self._client.consume(_READ_MOST, 0)):
                self._take(message)
        elif rests and self._wanted.wait(self._rest_s):
            self._wanted.clear()

    def _take(self, message: Message) -> None:
        partition, offset = message.partition(), message.offset()
        error = message.error()
        if error is not None and error.name() != _END_OF_PARTITION:
            self._report(translate(error, f"read topic {self._topic}"))
            return
        if partition is None or offset is None:
            return
        if error is not None:
            # Compaction may have removed the last records: only this event marks the end.
            self._positions[partition] = offset
            return
        key = message.key()
        if key is not None:  # a compacted topic rejects records without a key
            self.appended_ms = message.timestamp()[1]
            self._apply(key, message.value())
        self._positions[partition] = offset + 1

    def _report(self, failure: KafkaFailure) -> None:
        """Store the problem for callers, and log it if the table is behind."""
        self._behind.failed(failure, self._current_as_of)
        self._problem = failure


def _config(settings: KafkaSettings, topic: str, fetch_wait_s: float) -> dict[str, object]:
    defaults = {
        # The topic is small: librdkafka's default of 64 MiB is not needed.
        "queued.max.messages.kbytes": 4_096,
        "fetch.max.bytes": 4 * 1024 * 1024,
        # Whenever the queue was full: fetch again soon, not after the default second.
        "fetch.queue.backoff.ms": 10,
        # A record ends the wait at once, but the request for the end is queued behind the fetch.
        "fetch.wait.max.ms": int(fetch_wait_s * 1_000),
    }
    return settings.client_config(
        defaults,
        **{
            # Required by the client. It joins no group and commits no offset.
            "group.id": f"{topic}.follower",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
            "allow.auto.create.topics": False,
        },
    )
