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
def test_members_that_share_out_in_another_way_are_waited_for_by_one_that_was_not_in(
    error: KafkaError,
) -> None:
    failure = translate_for_consumer(error, "read as group g")
    refusal = ends_membership(failure, was_member=False)
    assert isinstance(refusal, GroupRefused)
    assert "stop all of them" in str(refusal)
    assert type(ends_membership(failure, was_member=True)) is ConsumerFatal


def test_one_whose_place_another_process_takes_is_not_to_wait() -> None:
    failure = translate_for_consumer(FENCED, "read as group g")
    assert type(ends_membership(failure, was_member=False)) is ConsumerFatal
