"""The one way to read from Kafka: a Consumer that one thread owns, with explicit commits.

Nothing is committed or stored behind the owner's back, and a position that the log no longer has is
reported, never silently reset. All calls must come from the owning thread: librdkafka calls back
into `on_assign` and `on_revoke` from within `read` and `close`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeVar

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

from plaudit.kafka.bounds import log_bounds
from plaudit.kafka.clients import open_client
from plaudit.kafka.errors import KafkaFailure, NotAuthorized, translate
from plaudit.kafka.settings import KafkaSettings

_log = logging.getLogger(__name__)

# librdkafka's own memory, capped (three consumers took 155 MB at its defaults and 26 MB so).
MEMORY_CAPS: Final[Mapping[str, object]] = {
    "queued.max.messages.kbytes": 4_096,
    "queued.min.messages": 1_000,
    "fetch.max.bytes": 4 * 1024 * 1024,
    # After the queue was full: look again soon, not after the default second.
    "fetch.queue.backoff.ms": 50,
}
_CALL_TIMEOUT_S: Final = 10.0
_T = TypeVar("_T")


class Partition(NamedTuple):
    """One partition of one topic."""

    topic: str
    number: int

    def __str__(self) -> str:
        return f"{self.topic}[{self.number}]"


class Place(NamedTuple):
    """Where a group stands in a partition.

    Attributes:
        offset: the next one to read; None when the group never committed.
        metadata: text that was committed with it; empty when there was none.
    """

    offset: int | None
    metadata: str


@dataclass(frozen=True, slots=True)
class GroupConfig:
    """How a member of a consumer group behaves.

    Attributes:
        group_id: the group.
        assignor: `range`, or `cooperative-sticky`; the KIP-848 protocol takes `range` or `uniform`.
        session_timeout_ms: how long after its last heartbeat a member counts as dead.
        fetch_wait_ms: how long a broker may hold a fetch that has nothing to return.
    """

    group_id: str
    assignor: str = "cooperative-sticky"
    session_timeout_ms: int = 6_000
    fetch_wait_ms: int = 100


@dataclass(frozen=True, slots=True)
class GroupEvents:
    """What the owner of a group member is told, from within `read` and `close`.

    Attributes:
        on_assign: partitions that are now this member's; returns the offset to start each at.
        on_revoke: partitions that are about to be given up; they can still be committed.
        on_lost: partitions that are gone already; they can't be committed.
        on_out_of_range: the log no longer has the position of this partition.
        on_commit_failed: a commit that was not waited for failed for these partitions; it has been
            logged. Who commits only what changed has to commit them again.
    """

    on_assign: Callable[[Sequence[Partition]], Mapping[Partition, int]]
    on_revoke: Callable[[Sequence[Partition]], None]
    on_lost: Callable[[Sequence[Partition]], None]
    on_out_of_range: Callable[[Partition], None]
    on_commit_failed: Callable[[Sequence[Partition]], None] = lambda _: None


class Consumer:
    """A member of a consumer group.

    Args:
        settings: where Kafka is.
        config: group, assignor and time-outs.
        events: told of assignments, and of positions that are gone.

    Attributes:
        ends: partitions whose end the latest `read` met, with the offset after it. It is more than
            the last record's when compaction or a transaction left a gap there.

    Raises:
        SettingsError: a librdkafka property is refused.
    """

    def __init__(self, settings: KafkaSettings, config: GroupConfig, events: GroupEvents) -> None:
        self.ends: dict[Partition, int] = {}
        self._events = events
        self._group = config.group_id
        self._was_member = False
        self._eager = config.assignor == "range"
        self._by_broker = settings.groups_by_broker
        # By topic (empty: none in particular) and code; each is told once.
        self._troubles: dict[tuple[str, str], KafkaFailure] = {}
        self._commit_trouble: KafkaFailure | None = None
        # Where each partition that is held was last told to start: until a record of it has been
        # read, the client itself does not know its position.
        self._starts: dict[Partition, int] = {}
        self._client = open_client(
            settings, Client, settings.client_config(MEMORY_CAPS, **self._enforced(config))
        )

    def _enforced(self, config: GroupConfig) -> dict[str, object]:
        common: dict[str, object] = {
            "group.id": config.group_id,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "error",
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
            "on_commit": self._on_commit,
            "fetch.wait.max.ms": config.fetch_wait_ms,
            "allow.auto.create.topics": False,
        }
        if self._by_broker:
            return {**common, "group.remote.assignor": "range" if self._eager else "uniform"}
        return {
            **common,
            "partition.assignment.strategy": config.assignor,
            "session.timeout.ms": config.session_timeout_ms,
            # A member hears of a rebalance by its heartbeat. Until all have, those that joined
            # first can't commit: their JoinGroup holds up what follows on its connection.
            "heartbeat.interval.ms": config.session_timeout_ms // 12,
        }

    def subscribe(self, topics: Sequence[str]) -> None:
        """Join the group for these topics; a name that begins with `^` is a pattern."""
        self._client.subscribe(
            list(topics),
            on_assign=self._on_assign,
            on_revoke=self._on_revoke,
            on_lost=self._on_lost,
        )

    def read(self, most: int, timeout_s: float) -> list[Message]:
        """Return what is there, at most `most` records; wait for the first one only.

        `consume(n, timeout)` alone would wait for n records or the whole time-out.
        A transient error is logged once, and reading goes on by itself. So do rights that a member
        loses: they may have been taken by mistake.

        Raises:
            NotAuthorized: this user was never let into the group.
            KafkaFailure: the client failed for good; it has to be made anew.
        """
        self.ends = {}
        first = self._client.poll(timeout_s)
        if first is None:
            return []
        batch = [first, *self._client.consume(most - 1, 0)] if most > 1 else [first]
        records = [message for message in batch if message.error() is None]
        if len(records) != len(batch):
            for message in batch:
                self._take_error(message)
        if records and self._troubles:
            self._recovered({"", *(message.topic() or "" for message in records)})
        return records

    def pause(self, partitions: Sequence[Partition]) -> None:
        """Stop fetching; what was prefetched is thrown away, so this is for longer waits."""
        self._call("pause", lambda: self._client.pause(_plain(partitions)))

    def resume(self, partitions: Sequence[Partition]) -> None:
        """Fetch again."""
        self._call("resume", lambda: self._client.resume(_plain(partitions)))

    def seek(self, partition: Partition, offset: int) -> None:
        """Read on at `offset`; only for a partition that is assigned.

        Raises:
            KafkaFailure: it can't be done now; try again.
        """
        place = TopicPartition(*partition, offset)
        try:
            self._client.seek(place)
        except KafkaException as error:
            failure = translate(error, f"seek in {partition}")
            if failure.code != "_STATE" or partition not in self._starts:
                raise failure from None
            self._call("start again", lambda: self._start_again(place))
        self._starts[partition] = offset

    def committed(self, partitions: Sequence[Partition]) -> dict[Partition, Place]:
        """Ask where the group stands.

        Raises:
            KafkaFailure: no answer in 10 s, or not allowed.
        """
        found = self._call(
            "read the group's offsets",
            lambda: self._client.committed(_plain(partitions), timeout=_CALL_TIMEOUT_S),
        )
        return {
            Partition(place.topic, place.partition): Place(
                None if place.offset in (OFFSET_INVALID, OFFSET_BEGINNING) else place.offset,
                place.metadata or "",
            )
            for place in found
        }

    def commit(self, places: Mapping[Partition, Place], *, wait: bool) -> None:
        """Commit offsets with their metadata.

        Raises:
            KafkaFailure: refused; without `wait`, only what the client itself finds wrong.
        """
        offsets = [
            TopicPartition(topic, number, place.offset or 0, place.metadata)
            for (topic, number), place in places.items()
        ]
        if wait:
            done = self._call(
                f"commit in group {self._group}",
                lambda: self._client.commit(offsets=offsets, asynchronous=False),
            )
            for place in done or ():
                if place.error is not None:
                    what = f"commit {place.topic}[{place.partition}] in group {self._group}"
                    raise translate(place.error, what)
        else:
            self._call(
                f"commit in group {self._group}",
                lambda: self._client.commit(offsets=offsets, asynchronous=True),
            )

    def bounds(self, partition: Partition) -> tuple[int, int]:
        """Ask the brokers for the first offset in the log and the one after the last.

        Raises:
            KafkaFailure: no answer in 10 s.
        """
        return log_bounds(self._client, TopicPartition(*partition), _CALL_TIMEOUT_S)

    def close(self) -> None:
        """Leave the group; `on_revoke` is called for what is still assigned."""
        self._call("leave the group", self._client.close)

    def _start_again(self, place: TopicPartition) -> None:
        """Have a partition fetched again that the client has given up.

        That is what it does when the log no longer has the position and may not choose another.
        """
        if self.incremental:
            self._client.incremental_unassign([place])
            self._client.incremental_assign([place])
            return
        # The eager protocol knows no single partitions. Who is paused stays so.
        others = [each for each in self._starts if each != (place.topic, place.partition)]
        positions = self._client.position(_plain(others))
        places = [
            TopicPartition(*each, known.offset if known.offset >= 0 else self._starts[each])
            for each, known in zip(others, positions, strict=True)
        ]
        self._client.assign([place, *places])

    def _on_assign(self, client: Client, given: list[TopicPartition]) -> None:
        self._was_member = True
        partitions = [Partition(place.topic, place.partition) for place in given]
        offsets = self._events.on_assign(partitions)
        self._starts |= {partition: offsets[partition] for partition in partitions}
        places = [TopicPartition(*partition, offsets[partition]) for partition in partitions]
        # Offsets go in here: a seek after the assignment fails with _UNKNOWN_PARTITION.
        if self.incremental:
            client.incremental_assign(places)
        else:
            client.assign(places)

    def _on_revoke(self, _: Client, taken: list[TopicPartition]) -> None:
        self._events.on_revoke(self._let_go(taken))

    def _on_lost(self, _: Client, taken: list[TopicPartition]) -> None:
        self._events.on_lost(self._let_go(taken))

    def _let_go(self, taken: list[TopicPartition]) -> list[Partition]:
        partitions = [Partition(place.topic, place.partition) for place in taken]
        for partition in partitions:
            self._starts.pop(partition, None)
        return partitions

    @property
    def incremental(self) -> bool:
        """Whether a rebalance takes only what moves; else everything is revoked and given anew."""
        return not self._eager or self._by_broker

    def _on_commit(self, error: KafkaError | None, places: list[TopicPartition]) -> None:
        """Hear of a commit that was not waited for; called from within `read`."""
        failed = [(place, place.error or error) for place in places if place.error or error]
        failures = [
            translate(each, f"commit {place.topic} in group {self._group}")
            for place, each in failed
            if each is not None
        ]
        before = self._commit_trouble
        if not failures:
            if before is not None:
                _log.info("offsets.commits_recovered", extra={"after": str(before)})
                self._commit_trouble = None
            return
        self._commit_trouble = failures[0]
        if before is None or before.code != failures[0].code:
            _log.warning("offsets.commit_failed", extra={"error": str(failures[0])})
        self._events.on_commit_failed(
            [Partition(place.topic, place.partition) for place, _ in failed]
        )

    def _take_error(self, message: Message) -> None:
        error = message.error()
        if error is None:
            return
        if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's name of it
            partition = Partition(message.topic() or "", message.partition() or 0)
            self.ends[partition] = message.offset() or 0
            return
        if error.code() == KafkaError._AUTO_OFFSET_RESET:  # noqa: SLF001 - librdkafka's name of it
            self._events.on_out_of_range(Partition(message.topic() or "", message.partition() or 0))
            return
        topic = message.topic() or ""
        failure = translate(error, f"read {topic or f'as group {self._group}'}")
        if error.fatal() or (isinstance(failure, NotAuthorized) and not self._was_member):
            raise failure
        if (topic, failure.code) not in self._troubles:
            self._troubles[topic, failure.code] = failure
            _log.warning("consumer.trouble", extra={"error": str(failure)})

    def _recovered(self, topics: Collection[str]) -> None:
        """Forget what was wrong with topics that records come from, and say so."""
        for trouble in [each for each in self._troubles if each[0] in topics]:
            _log.info("consumer.recovered", extra={"after": str(self._troubles.pop(trouble))})

    def _call(self, doing: str, call: Callable[[], _T]) -> _T:
        try:
            return call()
        except KafkaException as error:
            raise translate(error, doing) from None


def _plain(partitions: Sequence[Partition]) -> list[TopicPartition]:
    return [TopicPartition(topic, number) for topic, number in partitions]
