"""Preflight: checks of brokers, topics and rights before a lane reads."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from plaudit.kafka.admin.topic_diff import TopicIssue
from plaudit.kafka.admin.topics import Admin, worker_requirements
from plaudit.kafka.errors import KafkaUnavailable
from plaudit.kafka.permissions import require_write
from plaudit.kafka.settings import KafkaSettings
from plaudit.logs.logger import event_logger
from plaudit.logs.once_logger import OnceLogger
from plaudit.records.names import tier_of

_log = event_logger(__name__)

ASK_AGAIN_S: Final = 2.0


class TopicsUnfit(Exception):
    """Topics are missing, or would lose or refuse records.

    Attributes:
        findings: the faults of topics, with remedies.
    """

    def __init__(self, findings: list[TopicIssue]) -> None:
        self.findings = findings
        first = findings[0]
        more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
        super().__init__(f"{first}{more}; see `plaudit topics check`")


@dataclass(frozen=True, slots=True)
class LaneTopics:
    """Topics of each lane, with their delays in milliseconds."""

    events: Mapping[str, int]
    deliveries: Mapping[str, int]


async def lane_topics(settings: KafkaSettings, *, writes: bool = True) -> LaneTopics:
    """Return the topics to read; wait while the brokers are unavailable.

    Args:
        settings: connection and names.
        writes: whether this process writes outcomes of deliveries; a recorder does not.

    Raises:
        TopicsUnfit: topics are missing, or would lose or refuse records.
        KafkaFailure: not allowed to describe or to write, or an invalid setting.
    """
    once = OnceLogger(_log)
    while True:
        try:
            return await asyncio.to_thread(_check, settings, writes=writes)
        except KafkaUnavailable as failure:
            once.failed("worker.unavailable", failure)
        await asyncio.sleep(ASK_AGAIN_S)


def _check(settings: KafkaSettings, *, writes: bool) -> LaneTopics:
    admin = Admin(settings)
    findings = worker_requirements(admin, settings)
    if findings:
        raise TopicsUnfit(findings)
    names = settings.names
    tiers = {}
    # Every existing tier, not only those of the settings, so that after a change none stays unread.
    for topic in admin.topic_names():
        delay = tier_of(topic, names.deliveries_prefix)
        if delay is not None:
            tiers[topic] = delay.millis
    if writes:
        require_write(settings, [*tiers, names.attempts, names.dlq_deliveries, names.dlq_events])
    return LaneTopics(dict.fromkeys(names.event_topics, 0), tiers)
