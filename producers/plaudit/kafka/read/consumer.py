"""Group consumer: owned by one thread, with explicit commits.

It never commits or stores offsets implicitly. When a position is not in the log, it notifies the
owner and never resets silently. All calls must come from the owning thread: librdkafka calls
`on_assign` and `on_revoke` from within `read` and `close`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final, TypeVar

from confluent_kafka import (
    OFFSET_BEGINNING,
    OFFSET_INVALID,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)
from confluent_kafka import (
    Consumer as Client,
)

from plaudit.kafka.clients import open_client
from plaudit.kafka.errors import NotAuthorized, ends_membership, translate_for_consumer
from plaudit.kafka.read.bound_metadata import bind, find_cluster_id, unbind
from plaudit.kafka.read.reading_errors import ReadErrors
from plaudit.kafka.read.watermarks import log_bounds
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.types import CommittedOffset, GroupConfig, GroupEvents, Partition

__all__ = ["CommittedOffset", "Consumer", "GroupConfig", "GroupEvents", "Partition"]

# Limits of librdkafka's memory: three consumers took 155 MB at its defaults, 26 MB with these.
MEMORY_CAPS: Final[Mapping[str, object]] = {
    "queued.max.messages.kbytes": 4_096,
    # A partition whose queue is full is missing from the current fetch, which may take half a
    # second if the other partitions have no records.
    "queued.min.messages": 5_000,
    "fetch.max.bytes": 4 * 1024 * 1024,
    # After the queue was full: fetch again soon, not after the default second.
    "fetch.queue.backoff.ms": 50,
}
# New partitions are discovered this soon; the default is five minutes.
REFRESH_METADATA_MS: Final = 5_000
_CALL_TIMEOUT_S: Final = 10.0
_NOT_IN_LOG: Final = (
    KafkaError._AUTO_OFFSET_RESET,  # noqa: SLF001 - librdkafka's name of it
    KafkaError._LOG_TRUNCATION,  # noqa: SLF001 - librdkafka's name of it
    KafkaError.OFFSET_OUT_OF_RANGE,
)
# Represents the end of the log in a look-up of offsets by time.
_LATEST: Final = -1
_T = TypeVar("_T")


class Consumer:
    """A member of a consumer group.

    Args:
        settings: connection to Kafka.
        config: group, assignor and time-outs.
        events: callbacks for assignments and for positions that are out of range.

    Attributes:
        ends: partitions whose end the latest `read` reached, with the offset after it. The offset
            exceeds the last record's by more than one when compaction or a transaction left a gap.

    Raises:
        SettingsError: librdkafka rejects a property.
    """

    def __init__(self, settings: KafkaSettings, config: GroupConfig, events: GroupEvents) -> None:
        self.ends: dict[Partition, int] = {}
        self._settings = settings
        self._events = events
        self._group = config.group_id
        self._was_member = False
        self._eager = config.assignor == "range"
        self._by_broker = settings.groups_by_broker
        self._read_errors = ReadErrors(config.group_id)
        # Start offset of each assigned partition: until a record of it has been read, the client
        # does not know its position.
        self._starts: dict[Partition, int] = {}
        self._cluster = ""
        defaults = {**MEMORY_CAPS, **self._session(config)}
        properties = settings.client_config(defaults, **self._enforced(config))
        self._client = open_client(settings, Client, properties)

    def _enforced(self, config: GroupConfig) -> dict[str, object]:
        common: dict[str, object] = {
            "group.id": config.group_id,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "error",
            "enable.partition.eof": True,
            "topic.metadata.refresh.interval.ms": REFRESH_METADATA_MS,
            "isolation.level": "read_committed",
            "on_commit": self._on_commit,
            "fetch.wait.max.ms": config.fetch_wait_ms,
            "allow.auto.create.topics": False,
        }
        if self._by_broker:
            return {**common, "group.remote.assignor": "range" if self._eager else "uniform"}
        return {**common, "partition.assignment.strategy": config.assignor}

    def _session(self, config: GroupConfig) -> dict[str, object]:
        """Return the session time-out; with KIP-848, the brokers set it."""
        if self._by_broker:
            return {}
        return {
            "session.timeout.ms": config.session_timeout_ms,
            # A member learns of a rebalance through its heartbeat. Until all members have, those
            # that joined first can't commit: JoinGroup blocks later requests on its connection.
            "heartbeat.interval.ms": config.session_timeout_ms // 12,
        }

    def subscribe(self, topics: Sequence[str]) -> None:
        """Subscribe to these topics; a name that begins with `^` is a pattern."""
        self._client.subscribe(
            list(topics),
            on_assign=self._on_assign,
            on_revoke=self._on_revoke,
            on_lost=self._on_lost,
        )

    def read(self, most: int, timeout_s: float) -> list[Message]:
        """Return available records, at most `most`; wait for the first one only.

        `consume(n, timeout)` alone would wait for n records or the whole time-out. A signal ends no
        wait.
        It logs a transient error once and continues. So it does when a member loses permissions,
        because an operator may have removed them by mistake.

        Raises:
            NotAuthorized: the group never accepted this user.
            GroupRefused: members with another assignor or protocol have to leave the group first.
            ConsumerFatal: the client failed permanently; recreate it.
        """
        self.ends = {}
        # `poll` would wake up five times a second, to look for signals.
        batch = self._client.consume(1, timeout_s)
        if not batch:
            return []
        if most > 1:
            batch += self._client.consume(most - 1, 0)
        records = [message for message in batch if message.error() is None]
        if len(records) != len(batch):
            for message in batch:
                self._take_error(message)
        if records and self._read_errors.any:
            self._read_errors.recovered({message.topic() or "" for message in records})
        return records

    def pause(self, partitions: Sequence[Partition]) -> None:
        """Stop fetching. Prefetched records are discarded, so use this for longer waits."""
        self._call("pause", lambda: self._client.pause(_plain(partitions)))

    def resume(self, partitions: Sequence[Partition]) -> None:
        """Fetch again."""
        self._call("resume", lambda: self._client.resume(_plain(partitions)))

    def seek(self, partition: Partition, offset: int) -> None:
        """Continue reading at `offset`; the partition must be assigned.

        Raises:
            KafkaFailure: the seek failed; retry.
        """
        place = TopicPartition(*partition, offset)
        try:
            self._client.seek(place)
        except KafkaException as error:
            failure = translate_for_consumer(error, f"seek in {partition}")
            if failure.code != "_STATE" or partition not in self._starts:
                raise failure from None
            self._call("start again", lambda: self._start_again(place))
        self._starts[partition] = offset

    def committed(self, partitions: Sequence[Partition]) -> dict[Partition, CommittedOffset]:
        """Return the group's committed offsets; metadata of another cluster stays bound.

        Raises:
            KafkaFailure: no response in 10 s, or not allowed.
        """
        doing, asked = "read the group's offsets", _plain(partitions)
        found = self._call(doing, lambda: self._client.committed(asked, timeout=_CALL_TIMEOUT_S))
        cluster = self._find_cluster(asked[0].topic) if asked else ""
        return {
            Partition(place.topic, place.partition): CommittedOffset(
                None if place.offset in (OFFSET_INVALID, OFFSET_BEGINNING) else place.offset,
                unbind(cluster, place.offset, place.metadata or ""),
            )
            for place in found
        }

    def commit(self, places: Mapping[Partition, CommittedOffset], *, wait: bool) -> None:
        """Commit offsets with their metadata.

        Raises:
            KafkaFailure: the commit failed; without `wait`, only for errors in the client.
        """
        cluster = self._cluster or self._find_cluster(next(iter(places)).topic)
        offsets = [
            TopicPartition(topic, number, at, bind(cluster, at, place.metadata))
            for (topic, number), place in places.items()
            for at in [place.offset or 0]
        ]
        doing = f"commit in group {self._group}"
        if not wait:
            self._call(doing, lambda: self._client.commit(offsets=offsets, asynchronous=True))
            return
        done = self._call(doing, lambda: self._client.commit(offsets=offsets, asynchronous=False))
        for place in done or ():
            if place.error is not None:
                what = f"commit {place.topic}[{place.partition}] in group {self._group}"
                raise translate_for_consumer(place.error, what)

    def bounds(self, partition: Partition) -> tuple[int, int]:
        """Return the first offset in the log and the one after the last.

        Raises:
            KafkaFailure: no response in 10 s.
        """
        return log_bounds(self._client, TopicPartition(*partition), _CALL_TIMEOUT_S)

    def known_end(self, partition: Partition) -> int | None:
        """Return the end of a log as of the latest fetch, without a request; None before one."""
        place = TopicPartition(*partition)
        _, end = self._call(
            "find the end of a log", lambda: self._client.get_watermark_offsets(place, cached=True)
        )
        return end if end >= 0 else None

    def ends_of(self, partitions: Sequence[Partition]) -> dict[Partition, int]:
        """Return the offset after the last record of each partition, in one request.

        Raises:
            KafkaFailure: no response in 10 s, or not allowed.
        """
        doing = "find the ends of the logs"
        wanted = [TopicPartition(*each, _LATEST) for each in partitions]
        found = self._call(
            doing, lambda: self._client.offsets_for_times(wanted, timeout=_CALL_TIMEOUT_S)
        )
        for place in found:
            if place.error is not None:
                raise translate_for_consumer(place.error, doing)
        return {Partition(each.topic, each.partition): each.offset for each in found}

    @property
    def is_member(self) -> bool:
        """Whether the group has accepted this consumer."""
        return bool(self._client.memberid())

    def close(self) -> None:
        """Leave the group; `on_revoke` is called for partitions that are still assigned."""
        self._call("leave the group", self._client.close)

    def _find_cluster(self, topic: str) -> str:
        """Query the cluster's id, at each assignment: the addresses may lead elsewhere by now."""
        ask = partial(find_cluster_id, self._settings, topic, _CALL_TIMEOUT_S)
        self._cluster = self._call("find the cluster", ask)
        return self._cluster

    def _start_again(self, place: TopicPartition) -> None:
        """Resume fetching a partition that the client has abandoned.

        The client abandons a partition whose position is out of range, because it may not reset it.
        """
        if self.incremental:
            self._client.incremental_unassign([place])
            self._client.incremental_assign([place])
            return
        # The eager protocol does not support single partitions. Paused partitions stay paused.
        others = [each for each in self._starts if each != (place.topic, place.partition)]
        positions = self._client.position(_plain(others))
        places = [
            TopicPartition(*each, known.offset if known.offset >= 0 else self._starts[each])
            for each, known in zip(others, positions, strict=True)
        ]
        self._client.assign([place, *places])

    def _on_assign(self, client: Client, assigned: list[TopicPartition]) -> None:
        self._was_member = True
        partitions = [Partition(place.topic, place.partition) for place in assigned]
        offsets = self._events.on_assign(partitions)
        self._starts |= {partition: offsets[partition] for partition in partitions}
        places = [TopicPartition(*partition, offsets[partition]) for partition in partitions]
        # Pass start offsets here: a seek after the assignment fails with _UNKNOWN_PARTITION.
        if self.incremental:
            client.incremental_assign(places)
        else:
            client.assign(places)

    def _on_revoke(self, _: Client, revoked: list[TopicPartition]) -> None:
        self._events.on_revoke(self._unassign(revoked))

    def _on_lost(self, _: Client, revoked: list[TopicPartition]) -> None:
        self._events.on_lost(self._unassign(revoked))

    def _unassign(self, revoked: list[TopicPartition]) -> list[Partition]:
        partitions = [Partition(place.topic, place.partition) for place in revoked]
        for partition in partitions:
            self._starts.pop(partition, None)
        return partitions

    @property
    def incremental(self) -> bool:
        """Whether a rebalance revokes only the partitions that move (cooperative protocol)."""
        return not self._eager or self._by_broker

    def _on_commit(self, error: KafkaError | None, results: list[TopicPartition]) -> None:
        """Handle the result of an asynchronous commit; called from within `read`."""
        failed = self._read_errors.committed(error, results)
        self._events.on_commit([Partition(each.topic, each.partition) for each in failed])

    def _take_error(self, message: Message) -> None:
        error = message.error()
        if error is None:
            return
        if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's name of it
            partition = Partition(message.topic() or "", message.partition() or 0)
            self.ends[partition] = message.offset() or 0
            return
        if error.code() in _NOT_IN_LOG:
            self._events.on_out_of_range(Partition(message.topic() or "", message.partition() or 0))
            return
        topic = message.topic() or ""
        doing = f"read {topic or f'as group {self._group}'}"
        failure = translate_for_consumer(error, doing)
        fatal = ends_membership(failure, was_member=self._was_member)
        if fatal is not None:
            raise fatal
        if isinstance(failure, NotAuthorized) and not self._was_member:
            raise failure
        self._read_errors.failed(topic, failure)

    def _call(self, doing: str, call: Callable[[], _T]) -> _T:
        try:
            return call()
        except KafkaException as error:
            raise translate_for_consumer(error, doing) from None


def _plain(partitions: Sequence[Partition]) -> list[TopicPartition]:
    return [TopicPartition(topic, number) for topic, number in partitions]
