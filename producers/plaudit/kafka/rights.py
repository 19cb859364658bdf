"""Whether this user may write to topics, asked before a job begins.

In a transaction the brokers' refusal reaches nobody: librdkafka throws the records away and says
that they were purged.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._acl import AclOperation

from plaudit.kafka.clients import open_client
from plaudit.kafka.errors import NotAuthorized, translate
from plaudit.kafka.settings import KafkaSettings

_TIMEOUT_S: Final = 10.0


def require_write(settings: KafkaSettings, topics: Collection[str]) -> None:
    """See to it that this user may write to all of them.

    Raises:
        NotAuthorized: names the topic.
        KafkaFailure: a topic is missing, or the brokers are away.
    """
    client = open_client(settings, AdminClient, settings.client_config())
    asked = client.describe_topics(
        TopicCollection(list(topics)),
        include_authorized_operations=True,
        request_timeout=_TIMEOUT_S,
    )
    for topic, future in asked.items():
        try:
            allowed = future.result(2 * _TIMEOUT_S).authorized_operations
        except KafkaException as error:
            raise translate(error, f"look at topic {topic}") from None
        if allowed is not None and AclOperation.WRITE not in allowed:
            doing = f"write to topic {topic}"
            raise NotAuthorized(doing, "WRITE is denied", "TOPIC_AUTHORIZATION_FAILED")
