"""Offsets by time, of all partitions at once."""

from __future__ import annotations

import time

import pytest

from conftest import MakeTopic
from plaudit.kafka.errors import KafkaFailure
from plaudit.kafka.read.consumer import Partition
from plaudit.kafka.read.log_offsets import LogOffsets
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.write.producer import Producer

pytestmark = pytest.mark.broker


def test_a_time_has_an_offset_in_each_log(settings: KafkaSettings, make_topic: MakeTopic) -> None:
    topic = make_topic(2, message_timestamp_type="LogAppendTime")
    acks = []
    with Producer(settings) as producer:
        for key in (b"a", b"a", b"a"):
            acks.append(producer.publish(topic, b"x", key).result(30))
            time.sleep(0.01)  # a millisecond of its own
    full = Partition(topic, acks[0].partition)
    empty = Partition(topic, 1 - acks[0].partition)
    offsets = LogOffsets(settings)
    assert sorted(offsets.partitions([topic, "no.such.topic"])) == sorted([full, empty])
    assert offsets.ends([full, empty]) == {full: 3, empty: 0}
    assert offsets.starts([full, empty]) == {full: 0, empty: 0}
    second = acks[1].timestamp_ms
    assert offsets.after({full: second, empty: 0}) == {full: (1, second), empty: None}
    assert offsets.after({full: acks[2].timestamp_ms + 1}) == {full: None}


def test_unavailable_brokers_are_a_failure(away: KafkaSettings) -> None:
    with pytest.raises(KafkaFailure):
        LogOffsets(away, 0.2).partitions(["a"])
