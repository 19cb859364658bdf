"""Errors of records whose topic may not exist."""

from __future__ import annotations

from typing import Final

from confluent_kafka import KafkaError, KafkaException

from plaudit.kafka.errors import KafkaFailure, TopicMissing, translate

_CODES: Final = frozenset({"_UNKNOWN_TOPIC", "UNKNOWN_TOPIC_OR_PART"})


def translate_for_topic(error: KafkaError | KafkaException, topic: str) -> KafkaFailure:
    """Translate the error of a record for a topic."""
    failure = translate(error, f"publish to {topic}")
    return TopicMissing(topic, failure.code) if failure.code in _CODES else failure
