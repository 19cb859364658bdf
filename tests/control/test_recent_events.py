"""Latest events of a workspace, read from the ends of the event topics."""

from __future__ import annotations

import uuid

import pytest

from plaudit.control.recent_events import RecentEvents
from plaudit.events.encoding import encode
from plaudit.events.entity import Entity
from plaudit.events.examples import example
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.write.producer import Producer


@pytest.mark.broker
def test_the_latest_events_of_a_workspace_are_found_and_shared_for_a_while(
    topics: KafkaSettings,
) -> None:
    mine, topic = uuid.uuid4(), topics.names.event_topic(Entity.TESTIMONIALS)
    with Producer(topics) as producer:
        for workspace in (mine, uuid.uuid4(), mine):
            event = example("testimonial.approved")
            meta = event.meta.model_copy(update={"workspace_id": workspace})
            value = encode(event.model_copy(update={"meta": meta}))
            producer.publish(topic, value, b"key").result(30)
        producer.publish(topic, b"not an event", b"key").result(30)
        recent = RecentEvents(topics)
        found = recent.look(str(mine))
        assert [each.event.workspace_id for each in found] == [str(mine)] * 2
        assert found[0].at_ms >= found[1].at_ms
        assert recent.look(str(mine)) is found
        assert recent.look(str(uuid.uuid4())) == []
