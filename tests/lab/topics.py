"""The records in the topics after a run, as evidence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from e2e.rig import Rig
from lab.evidence import Letter, Line, Waiting
from plaudit.kafka.clients import open_client
from plaudit.kafka.read.consumer import Partition
from plaudit.kafka.settings import KafkaSettings
from plaudit.records.attempt import decode_attempt
from plaudit.records.names import Header

MOST = 1_000


class LettersTail:
    """Follows the dead letters while a scenario runs.

    Args:
        settings: of a user who may read them.
        names: of the subscribers, by endpoint id.

    Attributes:
        letters: letters so far.
    """

    def __init__(self, settings: KafkaSettings, names: Mapping[str, str]) -> None:
        self._names = names
        self.letters: list[Letter] = []
        topic = settings.names.dlq_deliveries
        config = settings.client_config()
        config.pop("group.protocol", None)
        own = {"group.id": f"{settings.topic_prefix}lab", "enable.auto.commit": False}
        self._client = open_client(settings, Consumer, {**config, **own})
        found = self._client.list_topics(topic, timeout=10).topics[topic].partitions
        self._client.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in found])

    def read(self) -> list[Letter]:
        """Read and return new letters."""
        # Ignore unavailable brokers, because the client reconnects.
        found = [
            each
            for each in self._client.consume(MOST, 0)
            if each.error() is None and each.value() is not None
        ]
        new = [letter(_headers(each), self._names) for each in found]
        self.letters += new
        return new

    def close(self) -> None:
        """Close the reader, and keep the letters."""
        self._client.close()


def letter(headers: Mapping[str, str], names: Mapping[str, str]) -> Letter:
    """Return a dead letter from its headers."""
    return Letter(
        names[headers[Header.ENDPOINT_ID]], headers["ce_id"], headers.get(Header.REASON, "")
    )


def lines(rig: Rig, names: Mapping[str, str]) -> Iterator[Line]:
    """Yield the attempt records."""
    for message in rig.read(rig.settings.names.attempts):
        found = decode_attempt(message.value())
        yield Line(
            names[found["endpoint_id"]],
            found["event_id"],
            found["number"],
            found["outcome"],
            found["trigger"],
            found["started_at"],
            int(found["worker"].rpartition(":")[2]),
            Partition(found["origin_topic"], found["origin_partition"]),
            found["reason"] or "",
        )


def waiting(rig: Rig, names: Mapping[str, str]) -> Iterator[Waiting]:
    """Yield the records of every tier, including finished ones."""
    topics = rig.settings.names
    tiers = {topics.deliveries(delay): delay.millis for delay in rig.settings.tiers}
    for topic, delay_ms in {topics.deliveries_now: 0, **tiers}.items():
        for message in rig.read(topic):
            headers = _headers(message)
            yield Waiting(
                names[headers[Header.ENDPOINT_ID]],
                headers["ce_id"],
                int(headers.get(Header.ATTEMPT, "0")),
                int(headers.get(Header.DIVERSIONS, "0")),
                Partition(topic, message.partition()),
                message.offset(),
                message.timestamp()[1] + delay_ms,
                message.timestamp()[1],
            )


def _headers(message: Any) -> dict[str, str]:
    found: Iterable[tuple[str, bytes]] = message.headers() or ()
    return {name: value.decode("utf-8", "replace") for name, value in found}
