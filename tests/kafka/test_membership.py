"""A consumer group's answers to a member that it refuses, and their meaning."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError

from plaudit.kafka.errors import (
    ConsumerFatal,
    GroupRefused,
    ends_membership,
    translate_for_consumer,
)

ANOTHER_ASSIGNOR = KafkaError(KafkaError.INCONSISTENT_GROUP_PROTOCOL)
ANOTHER_PROTOCOL = KafkaError(
    KafkaError._FATAL,  # noqa: SLF001 - librdkafka's name of it
    "Fatal error: ConsumerGroupHeartbeat fatal error: Broker: The group id does not exist",
)
FENCED = KafkaError(KafkaError.FENCED_INSTANCE_ID)


@pytest.mark.parametrize("error", [ANOTHER_ASSIGNOR, ANOTHER_PROTOCOL], ids=["older", "newer"])
def test_a_new_member_waits_for_members_with_another_assignor(
    error: KafkaError,
) -> None:
    failure = translate_for_consumer(error, "read as group g")
    refusal = ends_membership(failure, was_member=False)
    assert isinstance(refusal, GroupRefused)
    assert "stop all of them" in str(refusal)
    assert type(ends_membership(failure, was_member=True)) is ConsumerFatal


def test_a_fenced_member_does_not_wait() -> None:
    failure = translate_for_consumer(FENCED, "read as group g")
    assert type(ends_membership(failure, was_member=False)) is ConsumerFatal
