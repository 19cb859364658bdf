"""Detection of topics that were deleted and recreated under the same name.

Kafka gives each topic an id (KIP-516), and a position belongs to one id. In a recreated topic it
means nothing, even where the new log is longer than the old one. Brokers drop the committed offsets
of a deleted topic, so only a running member can bring an old position back. It therefore compares
ids in memory. But it may commit an old position before it notices, and another member may then
receive that partition. So a member also compares a topic's id as soon as it receives a partition
of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future
from typing import Final

from confluent_kafka import KafkaException, TopicCollection

from plaudit.kafka.admin_clients import open_admin_client
from plaudit.kafka.admin_types import TopicDescription
from plaudit.kafka.errors import NotAuthorized, translate
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.types import Partition
from plaudit.logs.logger import event_logger

_log = event_logger(__name__)

CHECK_EVERY_S: Final = 10.0
ANSWER_S: Final = 2.0
NO_ID: Final = "AAAAAAAAAAAAAAAAAAAAAA"
"""Id with all bits zero, which brokers before Kafka 2.8 return."""

Described = Mapping[str, "Future[TopicDescription]"]
Describe = Callable[[Collection[str]], Described]
"""Starts a query about topics, without waiting for the answer; safe to call from any thread."""


class TopicWatch:
    """Compares the ids of topics between checks; belongs to one thread.

    Args:
        describe: queries the brokers.
        monotonic: seconds that never jump.
    """

    def __init__(
        self,
        describe: Describe,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._describe = describe
        self._monotonic = monotonic
        self._asked: Described | None = None
        self._ids: dict[str, str] = {}
        self._seen: set[Partition] = set()
        self._due_s = 0.0
        self._logged = ""

    def recreated(self, held: Collection[Partition]) -> list[Partition]:
        """Return the partitions whose topic was recreated since the previous check.

        It never waits: one call sends the query, and a later one processes the answer. A partition
                that was assigned meanwhile is included: its position may belong to the old topic.
        """
        now_s = self._monotonic()
        if self._asked is None:
            if held and (now_s >= self._due_s or not self._seen >= set(held)):
                self._asked = self._describe({each.topic for each in held})
                self._due_s = now_s + CHECK_EVERY_S
            return []
        if not all(each.done() for each in self._asked.values()):
            return []
        ids, self._asked = self._answers(self._asked), None
        before = self._ids
        topics = {each.topic for each in held}
        now = {each: known for each in topics if (known := ids.get(each, before.get(each)))}
        self._ids, self._seen = now, set(held)
        changed = {each for each, topic_id in before.items() if now.get(each, topic_id) != topic_id}
        return [each for each in held if each.topic in changed]

    def _answers(self, asked: Described) -> dict[str, str]:
        """Return the id of each topic that exists, may be described, and has one."""
        ids = {}
        for topic, future in asked.items():
            try:
                ids[topic] = str(future.result(0).topic_id)
            except KafkaException as error:
                failure = translate(error, f"describe topic {topic}")
                if isinstance(failure, NotAuthorized):  # all else passes
                    self._log_refusal(failure)
        return {topic: each for topic, each in ids.items() if each != NO_ID}

    def _log_refusal(self, failure: NotAuthorized) -> None:
        """Log once why topics can't be compared; the member continues to read."""
        if str(failure) != self._logged:
            self._logged = str(failure)
            _log.warning("topics.unavailable", extra={"error": self._logged})


def topic_describer(settings: KafkaSettings) -> Describe:
    """Return a function for watches, with a connection of its own.

    Raises:
        SettingsError: librdkafka rejects a property.
    """
    client = open_admin_client(settings, settings.client_config())

    def describe(topics: Collection[str]) -> Described:
        return client.describe_topics(TopicCollection(sorted(topics)), request_timeout=ANSWER_S)

    return describe
