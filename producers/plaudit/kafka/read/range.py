"""Reader of offset ranges; joins no group and changes nothing."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Final

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from plaudit.kafka.admin_types import TopicMetadata
from plaudit.kafka.clients import open_client
from plaudit.kafka.connection_errors import ConnectionErrors, call_until
from plaudit.kafka.errors import KafkaUnavailable, TopicProblem, translate
from plaudit.kafka.permissions import require_read
from plaudit.kafka.read.consumer import Partition
from plaudit.kafka.read.watermarks import log_bounds
from plaudit.kafka.settings import KafkaSettings

if TYPE_CHECKING:
    from typing import Self

PATIENCE_S: Final = 60.0
_TIMEOUT_S: Final = 10.0
_READ_S: Final = 0.2
_SERVE_S: Final = 0.1
_BATCH: Final = 200
"""Records per batch. With 23 headers each, 200 are read at 110,000/s and 5,000 at 60,000/s,
because the processor's caches hold no more.
"""
# Prefetch enough that the reader never waits for the brokers. A worker's limits, which suit HTTP,
# read 30,000 records a second. Four times as much reads no faster and takes 60 MB more.
_READ_AHEAD: Final[Mapping[str, object]] = {
    "queued.max.messages.kbytes": 8_192,
    "queued.min.messages": 50_000,
    "fetch.max.bytes": 16 * 1024 * 1024,
    "fetch.queue.backoff.ms": 5,
}
Span = tuple[int, int]
"""The first offset, and the one after the last."""
_Ends = dict[tuple[str | None, int | None], int]


class BoundedReader:
    """Reads committed records between offsets.

    Args:
        settings: connection to Kafka.
        group: group whose offsets `committed` returns; the reader does not join it.
        patience_s: seconds to wait while the brokers are unavailable.

    Attributes:
        gone: offsets of the ranges that retention removed before they were read.

    Raises:
        SettingsError: librdkafka rejects a property.
    """

    def __init__(
        self, settings: KafkaSettings, group: str, *, patience_s: float = PATIENCE_S
    ) -> None:
        self.gone: Counter[Partition] = Counter()
        self._patience_s = patience_s
        enforced: dict[str, object] = {
            "group.id": group,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            # A broker holds an empty fetch this long, which delays the end of a range.
            "fetch.wait.max.ms": 20,
            # Retention may remove the start: `gone` counts the offsets, and reading continues after
            # them.
            "auto.offset.reset": "error",
            "allow.auto.create.topics": False,
        }
        self._settings = settings
        self._errors = ConnectionErrors()
        config = settings.client_config(_READ_AHEAD, **enforced)
        config["error_cb"] = self._errors.note_error
        self.client = open_client(settings, Consumer, config)

    def partitions(self, topic: str) -> list[Partition]:
        """Return a topic's partitions.

        Raises:
            KafkaFailure: the topic is missing, or the brokers are unavailable or refuse.
        """
        doing = f"read topic {topic}"

        def ask(timeout_s: float) -> TopicMetadata:
            found: TopicMetadata = self.client.list_topics(topic, timeout=timeout_s).topics[topic]
            return found

        def serve() -> None:
            self.client.poll(_SERVE_S)

        seen = call_until(ask, doing, _TIMEOUT_S, self._errors, serve)
        if seen.error is not None:
            raise translate(seen.error, doing)
        if not seen.partitions:
            raise TopicProblem(doing, "it has no partitions")
        return [Partition(topic, number) for number in sorted(seen.partitions)]

    def spans(self, topic: str) -> dict[Partition, Span]:
        """Return the current range of each partition; empty partitions are omitted.

        Raises:
            KafkaFailure: the brokers are unavailable or refuse.
        """
        found = self.bounds(topic)
        return {each: (low, high) for each, (low, high) in found.items() if high > low}

    def bounds(self, topic: str) -> dict[Partition, Span]:
        """Return the current range of each partition.

        It also checks the permission to read, since describing a topic is enough to see its
        offsets. With an empty topic, nothing else would reveal a missing permission.

        Raises:
            KafkaFailure: the brokers are unavailable or refuse.
        """
        found = {each: self._log_bounds(TopicPartition(*each)) for each in self.partitions(topic)}
        if all(low == high for low, high in found.values()):
            require_read(self._settings, topic)
        return found

    def at_time(self, partitions: Collection[Partition], epoch_ms: int) -> dict[Partition, int]:
        """Return the first offset appended at or after a time; partitions without one are omitted.

        Raises:
            KafkaFailure: the brokers are unavailable or refuse.
        """
        asked = [TopicPartition(*each, epoch_ms) for each in partitions]
        try:
            found = self.client.offsets_for_times(asked, timeout=_TIMEOUT_S)
        except KafkaException as error:
            raise self._errors.explained(translate(error, "find offsets by time")) from None
        for place in found:
            if place.error is not None:
                raise translate(place.error, f"find offsets by time in {place.topic}")
        return {
            Partition(place.topic, place.partition): place.offset
            for place in found
            if place.offset >= 0
        }

    def read(self, spans: Mapping[Partition, Span]) -> Iterator[Message]:
        """Yield the records of these ranges, ascending within each partition.

        A partition is also finished when the client reports its end: compaction and transactions
        leave gaps, so the last offset of a range may hold no record.

        Raises:
            KafkaFailure: the brokers refuse, or are unavailable for longer than `patience_s`.
        """
        # Plain tuples: a named tuple for every record would cost as much as reading its key.
        left: _Ends = {each: end for each, (start, end) in spans.items() if end > start}
        if not left:
            return
        self.client.assign(
            [TopicPartition(*each, start) for each, (start, _) in spans.items() if each in left]
        )
        silent_since = time.monotonic()
        while left:
            batch = self._read()
            heard = bool(batch)
            if not heard:
                self._check_silence(left, time.monotonic() - silent_since)
            while batch:  # release processed records at once, with their headers
                message = batch.pop()
                place = message.topic(), message.partition()
                end, offset = left.get(place, 0), message.offset() or 0
                if message.error() is not None:
                    self._take_error(message, spans, left)
                    continue
                if offset < end:
                    yield message
                if offset + 1 >= end:
                    left.pop(place, None)
            if heard:  # measured after the yields, because the caller may take its time
                silent_since = time.monotonic()

    def _check_silence(self, left: _Ends, silent_s: float) -> None:
        """Decide whether to keep waiting.

        Raises:
            NotAuthorized: the brokers do not accept this user any more.
            KafkaUnavailable: the brokers are unavailable for longer than `patience_s`.
        """
        doing = f"read {', '.join(sorted({str(topic) for topic, _ in left}))}"
        refusal = self._errors.refusal(doing)
        if refusal is not None:
            raise refusal
        if silent_s > self._patience_s:
            silence = KafkaUnavailable(doing, f"nothing in {self._patience_s:g} s")
            raise self._errors.explained(silence)

    def _log_bounds(self, place: TopicPartition) -> Span:
        return log_bounds(self.client, place, _TIMEOUT_S, self._errors)

    def _take_error(self, message: Message, spans: Mapping[Partition, Span], left: _Ends) -> None:
        """Handle an event that is not a record: the end of a partition, or an error.

        Raises:
            KafkaFailure: waiting does not help.
        """
        error = message.error()
        place = Partition(message.topic() or "", message.partition() or 0)
        if error is None:
            return
        if error.name() == "_PARTITION_EOF":
            left.pop(place, None)
        elif error.name() == "_AUTO_OFFSET_RESET":
            self._begin_later(place, spans, left)
        else:
            failure = translate(error, f"read {message.topic()}")
            if not isinstance(failure, KafkaUnavailable):
                raise failure

    def _begin_later(self, taken: Partition, spans: Mapping[Partition, Span], left: _Ends) -> None:
        """Continue at the start of a partition's log, and count the offsets before it.

        The client has abandoned the partition, and resumes it only together with all others.
        """
        places = self.client.position([TopicPartition(*each) for each in spans if each in left])
        for place in places:
            each = Partition(place.topic, place.partition)
            if place.offset < 0:  # nothing of it was read yet
                place.offset = spans[each][0]
            if each == taken:
                low, _ = self._log_bounds(place)
                self.gone[each] += max(0, min(low, spans[each][1]) - place.offset)
                place.offset = low
        self.client.assign(places)

    def close(self) -> None:
        """Close the connection."""
        self.client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self) -> list[Message]:
        """Return messages, the first one last; wait for one only.

        `consume(n, timeout)` alone would wait for all n.
        """
        first = self.client.poll(_READ_S)
        if first is None:
            return []
        batch = [first, *self.client.consume(_BATCH - 1, 0)]
        batch.reverse()
        return batch
