"""Replay checkpoint: offsets of a group for each endpoint, with the range as metadata."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from confluent_kafka import KafkaException, TopicPartition

from plaudit.dlq.letters.filters import is_age, moment
from plaudit.kafka.errors import translate
from plaudit.kafka.read.bound_metadata import cluster_id
from plaudit.kafka.read.consumer import CommittedOffset, Partition
from plaudit.kafka.read.range import BoundedReader
from plaudit.kafka.settings import KafkaSettings
from plaudit.records.times import time_text, wall_ms

if TYPE_CHECKING:
    from typing import Self

DISABLED: Final = "disabled"
_TIMEOUT_S: Final = 10.0
_ANOTHER_CLUSTER: Final = (
    "the progress of a replay to this endpoint comes from another Kafka cluster, with other "
    "offsets; --again discards it and replays the whole range"
)


class ReplayRefused(ValueError):
    """A replay is invalid, or another replay prevents it; the message contains the remedy."""


class ReplayedBefore(ReplayRefused):
    """The same replay was completed before."""


@dataclass(frozen=True, slots=True)
class ReplayIdentity:
    """Identity of a replay among those to the same endpoint, in text form."""

    since: str
    until: str | None
    types: tuple[str, ...]
    spaces: tuple[str, ...]

    @property
    def digest(self) -> str:
        """Hash of the identity."""
        text = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


class ReplayRange(NamedTuple):
    """Remaining range of a partition.

    Attributes:
        first: first offset of the range, when it was first requested.
        start: next offset to read.
        end: the offset after the last.
        before: offsets before `first` that retention removed. They may have belonged to the range,
            as their append times are unknown.
    """

    first: int
    start: int
    end: int
    before: int = 0


class ReplayProgress:
    """Finds the range of a replay, or the position where an earlier run stopped.

    Args:
        settings: connection to Kafka.
        endpoint: endpoint; it has its own group.

    Attributes:
        reader: reader of the events.
        reported: number of records reported to the listener.
    """

    def __init__(self, settings: KafkaSettings, endpoint: str) -> None:
        self._group = f"{settings.names.replay_prefix}{endpoint}"
        self._digest = ""
        self._cluster = ""
        self.reported = 0
        self.reader = BoundedReader(settings, self._group)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.reader.close()

    def begin(
        self, wanted: ReplayIdentity, topics: Sequence[str], *, again: bool
    ) -> dict[Partition, ReplayRange]:
        """Return the remaining ranges, and store them for later runs.

        Raises:
            ReplayRefused: another replay is not finished, or this one was completed before.
            KafkaFailure: the brokers are unavailable or refuse.
        """
        ranges = self.find(wanted, topics, again=again)
        self._digest = wanted.digest
        places = [_place(each, span.start, self._metadata(span)) for each, span in ranges.items()]
        try:
            if places:
                self.reader.client.commit(offsets=places, asynchronous=False)
        except KafkaException as error:
            raise translate(error, f"commit the progress of {self._group}") from None
        return ranges

    def find(
        self, wanted: ReplayIdentity, topics: Sequence[str], *, again: bool
    ) -> dict[Partition, ReplayRange]:
        """Return the remaining ranges.

        Raises:
            ReplayRefused: another replay is not finished, or this one was completed before.
            KafkaFailure: the brokers are unavailable or refuse.
        """
        partitions = [each for topic in topics for each in self.reader.partitions(topic)]
        before = self._committed(partitions, again=again)
        digests = {digest for digest, _ in before.values()}
        unfinished = {each: span for each, (_, span) in before.items() if span.start < span.end}
        if unfinished and digests == {wanted.digest}:
            return {each: span for each, (_, span) in before.items()}
        if unfinished and not again:
            left = sum(span.end - span.start for span in unfinished.values())
            raise ReplayRefused(
                f"another replay to this endpoint has {left:,} records left; run it with its own "
                "options to resume it, or use --again to discard it"
            )
        if digests == {wanted.digest} and not again and not is_age(wanted.since):
            raise ReplayedBefore("this range was replayed before; --again sends it once more")
        return self._fresh(wanted, partitions)

    def removed(self, ranges: Mapping[Partition, ReplayRange]) -> int:
        """Return the maximum number of records that retention removed before they were read."""
        return sum(span.before for span in ranges.values()) + self.reader.gone.total()

    def at(
        self, read_to: Mapping[Partition, int], ranges: Mapping[Partition, ReplayRange]
    ) -> tuple[object, dict[Partition, CommittedOffset]]:
        """Return the offsets to commit with a batch, and their group."""
        places = {
            each: CommittedOffset(offset, self._metadata(ranges[each]))
            for each, offset in read_to.items()
        }
        return self.reader.client.consumer_group_metadata(), places

    def _metadata(self, span: ReplayRange) -> str:
        said = {"replay": self._digest, "first": span.first, "end": span.end}
        return json.dumps({**said, "cluster": self._cluster})

    def _committed(
        self, partitions: Sequence[Partition], *, again: bool
    ) -> dict[Partition, tuple[str, ReplayRange]]:
        """Return the identities and ranges that earlier runs stored; ignore other metadata.

        Raises:
            ReplayRefused: they belong to another cluster, and `again` does not discard them.
        """
        try:
            asked = [TopicPartition(*each) for each in partitions]
            found = self.reader.client.committed(asked, _TIMEOUT_S)
            self._cluster = cluster_id(self.reader.client, asked[0].topic, _TIMEOUT_S)
        except KafkaException as error:
            raise translate(error, f"read the progress of {self._group}") from None
        known = {}
        for place in found:
            if place.offset >= 0 and place.metadata:
                said = json.loads(place.metadata)
                if said.get("cluster") == self._cluster:
                    span = ReplayRange(said["first"], place.offset, said["end"])
                    known[Partition(place.topic, place.partition)] = (str(said["replay"]), span)
                elif not again:
                    raise ReplayRefused(_ANOTHER_CLUSTER)
        return known

    def _fresh(
        self, wanted: ReplayIdentity, partitions: Sequence[Partition]
    ) -> dict[Partition, ReplayRange]:
        """Return the offsets of a time range, from the current log."""
        since_ms, until_ms = _moments(wanted)
        time.sleep(max(0.0, until_ms / 1_000 - time.time()))  # an endpoint's head start, 2 s
        starts = self.reader.at_time(partitions, since_ms)
        ends = self.reader.at_time(partitions, until_ms)
        topics = sorted({each.topic for each in partitions})
        logs = {each: log for topic in topics for each, log in self.reader.bounds(topic).items()}
        ranges = {}
        for each, (low, high) in logs.items():
            start = starts.get(each, high)
            before = low if start == low else 0
            if start < high or before:
                end = max(start, min(high, ends.get(each, high)))
                ranges[each] = ReplayRange(start, start, end, before)
        return ranges


def _moments(wanted: ReplayIdentity) -> tuple[int, int]:
    """Return start and end in epoch milliseconds.

    Raises:
        ReplayRefused: the range is empty, or ends in the future.
    """
    now_ms = wall_ms()
    since_ms = moment("--since", wanted.since, now_ms) or 0
    until_ms = moment("--until", wanted.until, now_ms) or now_ms
    if since_ms >= until_ms:
        raise ReplayRefused(
            f"--since {time_text(since_ms)} is not before --until {time_text(until_ms)}"
        )
    if until_ms > now_ms + MOST_AHEAD_MS:
        raise ReplayRefused(f"--until {time_text(until_ms)} is in the future")
    return since_ms, until_ms


MOST_AHEAD_MS: Final = 10_000


def _place(partition: Partition, offset: int, metadata: str) -> TopicPartition:
    return TopicPartition(*partition, offset, metadata=metadata)
