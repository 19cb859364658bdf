"""Whether this user may do something, asked before it is done.

In a transaction the brokers' refusal reaches nobody: librdkafka throws the records away and says
that they were purged. And an empty topic looks the same to whoever may not read it.
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
from plaudit.kafka.troubles import Troubles, answered

_TIMEOUT_S: Final = 10.0
_SERVE_S: Final = 0.1


def require_brokers(settings: KafkaSettings) -> None:
    """See to it that the brokers are there, and let this user in.

    Raises:
        KafkaUnavailable: they are away.
        NotAuthorized: its password is wrong, or its certificate.
    """
    _Asking(settings).names()


def require_read(settings: KafkaSettings, topic: str) -> None:
    """See to it that this user may read a topic.

    Raises:
        NotAuthorized: names the topic.
        KafkaFailure: it is missing, or the brokers are away.
    """
    _Asking(settings).require(AclOperation.READ, "read", [topic])


def require_write(settings: KafkaSettings, topics: Collection[str]) -> None:
    """See to it that this user may write to all of them.

    Raises:
        NotAuthorized: names the topic.
        KafkaFailure: a topic is missing, or the brokers are away.
    """
    _Asking(settings).require(AclOperation.WRITE, "write to", topics)


class _Asking:
    """A connection to ask over."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._troubles = Troubles()
        config = {**settings.client_config(), "error_cb": self._troubles.heard}
        self._client = open_client(settings, AdminClient, config)

    def names(self) -> set[str]:
        def ask(timeout_s: float) -> set[str]:
            return set(self._client.list_topics(timeout=timeout_s).topics)

        return answered(ask, "ask the brokers", _TIMEOUT_S, self._troubles, self._serve)

    def require(self, right: AclOperation, doing: str, topics: Collection[str]) -> None:
        self.names()  # whoever is not let in is told so in a moment
        asked = self._client.describe_topics(
            TopicCollection(list(topics)),
            include_authorized_operations=True,
            request_timeout=_TIMEOUT_S,
        )
        for topic, future in asked.items():
            try:
                allowed = future.result(2 * _TIMEOUT_S).authorized_operations
            except KafkaException as error:
                failure = translate(error, f"look at topic {topic}")
                raise self._troubles.explained(failure) from None
            if allowed is not None and right not in allowed:
                denial = f"{right.name} is denied"
                raise NotAuthorized(f"{doing} topic {topic}", denial, "TOPIC_AUTHORIZATION_FAILED")

    def _serve(self) -> None:
        self._client.poll(_SERVE_S)
