"""Watch over topics that are deleted and created again under the same name.

Kafka gives each topic an id (KIP-516). A position belongs to the topic with one id. In a topic that
was created again it means nothing, even where the new log is longer than the old one. Brokers drop
the committed offsets of a deleted topic, so only a running member can bring an old position back:
it compares ids in memory. It may also commit an old position before it notices, and another member
may get that partition. So a member compares the id of a topic as soon as a partition of it comes,
with what it knows from the partitions that it has.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future
from typing import Final

from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

from plaudit.kafka.admin_types import TopicDescription
from plaudit.kafka.clients import open_client
from plaudit.kafka.errors import NotAuthorized, translate
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.types import Partition
from plaudit.logs.logger import event_logger

_log = event_logger(__name__)

LOOK_EVERY_S: Final = 10.0
ANSWER_S: Final = 5.0
NO_ID: Final = "AAAAAAAAAAAAAAAAAAAAAA"
"""All bits zero: brokers before Kafka 2.8 have no ids."""

Described = Mapping[str, "Future[TopicDescription]"]


class TopicWatch:
    """Compares the ids of topics with those of the last look; belongs to one thread.

    Args:
        describe: asks the brokers about topics, without waiting.
        monotonic: seconds that never jump.
    """

    def __init__(
        self,
        describe: Callable[[Collection[str]], Described],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._describe = describe
        self._monotonic = monotonic
        self._asked: Described | None = None
        self._ids: dict[str, str] = {}
        self._seen: set[Partition] = set()
        self._due_s = 0.0
        self._said = ""

    def look(self, held: Collection[Partition]) -> list[Partition]:
        """Return the partitions whose topic was created again since the last look.

        It never waits: one call asks, and a later one takes the answer. A partition that came since
        the last look is among them: its position may be from the topic before.
        """
        now_s = self._monotonic()
        if self._asked is None:
            if held and (now_s >= self._due_s or not self._seen >= set(held)):
                self._asked = self._describe({each.topic for each in held})
                self._due_s = now_s + LOOK_EVERY_S
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
                failure = translate(error, f"look at topic {topic}")
                if isinstance(failure, NotAuthorized):  # all else passes
                    self._say(failure)
        return {topic: each for topic, each in ids.items() if each != NO_ID}

    def _say(self, failure: NotAuthorized) -> None:
        """Log once why topics can't be compared; the member continues to read."""
        if str(failure) != self._said:
            self._said = str(failure)
            _log.warning("topics.unavailable", extra={"error": self._said})


def watch_topics(settings: KafkaSettings) -> TopicWatch:
    """Return a watch with a connection of its own.

    Raises:
        SettingsError: librdkafka rejects a property.
    """
    client = open_client(settings, AdminClient, settings.client_config())

    def describe(topics: Collection[str]) -> Described:
        return client.describe_topics(TopicCollection(sorted(topics)), request_timeout=ANSWER_S)

    return TopicWatch(describe)
