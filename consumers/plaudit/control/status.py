"""State of both lanes, measured at the brokers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Final

from plaudit.control.broker_reach import servers_of
from plaudit.control.partition_heads import Head, Reading
from plaudit.kafka.admin.members import GroupMember
from plaudit.kafka.admin.topics import Admin, worker_requirements
from plaudit.kafka.errors import NotAuthorized
from plaudit.kafka.read.consumer import Partition
from plaudit.kafka.read.lag import LagReader, PartitionLag
from plaudit.kafka.settings import KafkaSettings
from plaudit.records.names import tier_of

SUSPECT_AFTER_MS: Final = 5_000
"""Age from which an unreadable record counts as blocking; before, a worker may dead-letter it."""


@dataclass(frozen=True, slots=True)
class TopicStatus:
    """Lag of a topic.

    Attributes:
        lane: `events` or `deliveries`.
        topic: its name.
        behind: records that the lane has not finished.
        overdue_ms: time since the oldest of them was due; negative if it is not due yet.
        lost: offsets that retention removed before the lane read them.
        past_end: partitions in which the group's position is past the end of the log.
    """

    lane: str
    topic: str
    behind: int
    overdue_ms: int | None
    lost: int = 0
    past_end: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Status:
    """State of the pipeline.

    Attributes:
        brokers: addresses of the brokers.
        findings: differences that prevent workers from starting.
        topics: lag of each topic.
        heads: unreadable records that block their partitions.
        workers: members of each lane's group; None if this user may not see them.
    """

    brokers: str
    findings: Sequence[str]
    topics: Sequence[TopicStatus]
    heads: Sequence[Head] = ()
    workers: Mapping[str, Sequence[GroupMember] | None] = field(default_factory=dict)

    @property
    def warnings(self) -> Iterator[str]:
        """Yield warnings about lost records, invalid positions, and lanes without a worker."""
        for lane, members in self.workers.items():
            if members is not None and not members:
                yield f"the {lane} lane has no worker: run `plaudit deliver`"
        for each in self.topics:
            if each.lost:
                yield (
                    f"{each.topic}: up to {each.lost:,} records are gone that the {each.lane} lane "
                    "had not read: retention removed them"
                )
            if each.past_end:
                partitions = ", ".join(str(number) for number in each.past_end)
                yield (
                    f"{each.topic}: the {each.lane} lane's position is past the end of partitions "
                    f"{partitions}; was the topic recreated, or the cluster restored? A worker "
                    "starts them as PLAUDIT_POSITION_PAST_END says"
                )

    def plain(self) -> dict[str, object]:
        """Return the state as plain data."""
        return {
            "brokers": self.brokers,
            "ok": not self.findings and not self.heads,
            "findings": list(self.findings),
            "blocked": [each.plain() for each in self.heads],
            "warnings": list(self.warnings),
            "workers": {
                lane: None if members is None else [asdict(each) for each in members]
                for lane, members in self.workers.items()
            },
            "topics": [
                {
                    "lane": each.lane,
                    "topic": each.topic,
                    "behind": each.behind,
                    "overdue_ms": each.overdue_ms,
                    "lost": each.lost,
                    "partitions_past_end": list(each.past_end),
                }
                for each in self.topics
            ],
        }


def read_status(settings: KafkaSettings, now_ms: int) -> Status:
    """Query the brokers.

    Raises:
        KafkaFailure: the brokers are unavailable, or refuse.
    """
    names = settings.names
    admin = Admin(settings)
    findings = [str(each) for each in worker_requirements(admin, settings)]
    tiers = {
        topic: delay.millis
        for topic in admin.topic_names()
        if (delay := tier_of(topic, names.deliveries_prefix)) is not None
    }
    lanes = (
        ("events", names.events_group, dict.fromkeys(names.event_topics, 0)),
        ("deliveries", names.deliveries_group, tiers),
    )
    topics: list[TopicStatus] = []
    heads: list[Head] = []
    workers = {lane: _members(admin, group) for lane, group, _ in lanes}
    with Reading(settings) as reading:
        for lane, group, delays in lanes:
            looker = _LagReader(settings, lane, group, reading, now_ms)
            topics += looker.read_status(delays)
            heads += looker.heads
    return Status(",".join(servers_of(settings)), findings, topics, heads, workers)


def _members(admin: Admin, group: str) -> Sequence[GroupMember] | None:
    try:
        return admin.members(group)
    except NotAuthorized:
        return None


class _LagReader:
    """Measures the lag of one lane's topics.

    Attributes:
        heads: unreadable records that block their partitions.
    """

    def __init__(
        self, settings: KafkaSettings, lane: str, group: str, reading: Reading, now_ms: int
    ) -> None:
        self._reader = LagReader(settings, group)
        self._lane = lane
        self._reading = reading
        self._now_ms = now_ms
        self.heads: list[Head] = []

    def read_status(self, delays: Mapping[str, int]) -> list[TopicStatus]:
        """Return the lag of each topic."""
        try:
            lags = self._reader.read(delays)
            ordered = sorted(delays.items(), key=lambda pair: (pair[1], pair[0]))
            return [self._topic(topic, delay_ms, lags) for topic, delay_ms in ordered]
        finally:
            self._reader.close()

    def _topic(self, topic: str, delay_ms: int, lags: Sequence[PartitionLag]) -> TopicStatus:
        mine = [each for each in lags if each.topic == topic]
        overdue = [
            found
            for each in mine
            if each.behind and (found := self._overdue(each, delay_ms)) is not None
        ]
        behind, lost = sum(each.behind for each in mine), sum(each.lost for each in mine)
        past_end = tuple(sorted(each.partition for each in mine if each.past_end))
        return TopicStatus(self._lane, topic, behind, max(overdue, default=None), lost, past_end)

    def _overdue(self, lag: PartitionLag, delay_ms: int) -> int | None:
        """Return how long the oldest record is overdue; check whether it is readable."""
        first = self._reader.first(lag)
        if first is None:
            return None
        overdue_ms = self._now_ms - first.timestamp_ms - delay_ms
        if overdue_ms > SUSPECT_AFTER_MS:
            reason = self._reading.reason_unreadable(first)
            if reason is not None:
                place = Partition(lag.topic, lag.partition)
                self.heads.append(Head(self._lane, place, first.offset, overdue_ms, reason))
        return overdue_ms
