"""A topic that is deleted and created again while a source reads it."""

from __future__ import annotations

from contextlib import closing

import pytest

from conftest import MakeTopic
from deliver.test_source import Reading, until_committed, write
from plaudit.kafka.admin.topic_specs import Section, TopicSpec
from plaudit.kafka.admin.topics import Admin
from plaudit.kafka.read import topic_watch
from plaudit.kafka.read.consumer import Partition
from plaudit.kafka.read.positions import PastEnd
from plaudit.kafka.settings import KafkaSettings
from waiting import until

pytestmark = pytest.mark.broker


def create_again(settings: KafkaSettings, topic: str) -> None:
    admin = Admin(settings)
    assert admin.remove([topic], f"{settings.topic_prefix}nothing") == []
    spec = TopicSpec(topic, Section.EVENTS, 1, 1, {})
    until(lambda: admin.create([spec])[topic] is None, "the brokers have deleted the old topic")


def test_its_log_is_read_from_the_start_though_it_is_longer_than_the_old_one(
    settings: KafkaSettings,
    make_topic: MakeTopic,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(topic_watch, "CHECK_EVERY_S", 0.2)
    topic = make_topic()
    write(settings, topic, 3)
    with closing(Reading(settings, topic, "range", PastEnd.START)) as reading:
        reading.engine.settle_all()
        until_committed(settings, topic, [3])
        create_again(settings, topic)
        write(settings, topic, 6)
        again = {(Partition(topic, 0), offset) for offset in range(6)}
        reading.engine.wait(lambda: set(reading.engine.seen[3:]) == again)
        until_committed(settings, topic, [6])
        assert reading.engine.resets == [Partition(topic, 0)]
        assert any(each.message == "topic.recreated" for each in caplog.records)
