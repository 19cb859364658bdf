"""How both lanes stand, as seen from outside: from the brokers, not from a worker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from plaudit.kafka.lag import LagReader, PartitionLag
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.topics import Admin, worker_requirements
from plaudit.records.names import tier_of


@dataclass(frozen=True, slots=True)
class TopicStatus:
    """What waits in a topic.

    Attributes:
        lane: `events` or `deliveries`.
        topic: its name.
        behind: records that the lane has not finished.
        overdue_ms: how long the oldest of them is overdue; negative: due in so long.
    """

    lane: str
    topic: str
    behind: int
    overdue_ms: int | None


@dataclass(frozen=True, slots=True)
class Status:
    """How the pipeline stands.

    Attributes:
        brokers: how to reach them.
        findings: what keeps deliverers from starting.
        topics: what waits where.
    """

    brokers: str
    findings: Sequence[str]
    topics: Sequence[TopicStatus]

    def plain(self) -> dict[str, object]:
        """Return it as plain data."""
        return {
            "brokers": self.brokers,
            "ok": not self.findings,
            "findings": list(self.findings),
            "topics": [
                {
                    "lane": each.lane,
                    "topic": each.topic,
                    "behind": each.behind,
                    "overdue_ms": each.overdue_ms,
                }
                for each in self.topics
            ],
        }


def look(settings: KafkaSettings, now_ms: int) -> Status:
    """Ask the brokers.

    Raises:
        KafkaFailure: they are away, or don't let this user look.
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
    topics = [
        each
        for lane, group, delays in lanes
        for each in _waiting(settings, lane, group, delays, now_ms)
    ]
    return Status(settings.bootstrap_servers, findings, topics)


def _waiting(
    settings: KafkaSettings, lane: str, group: str, delays: Mapping[str, int], now_ms: int
) -> list[TopicStatus]:
    reader = LagReader(settings, group)
    try:
        lags = reader.read(delays)
        found = []
        for topic, delay_ms in sorted(delays.items(), key=lambda pair: (pair[1], pair[0])):
            mine = [each for each in lags if each.topic == topic]
            behind = sum(each.behind for each in mine)
            oldest = _oldest(reader, mine)
            overdue = None if oldest is None else now_ms - oldest - delay_ms
            found.append(TopicStatus(lane, topic, behind, overdue))
        return found
    finally:
        reader.close()


def _oldest(reader: LagReader, lags: Sequence[PartitionLag]) -> int | None:
    """Return when the oldest record that waits was appended."""
    stamps = [reader.timestamp_at(each) for each in lags if each.behind]
    known = [stamp for stamp in stamps if stamp is not None]
    return min(known, default=None)
