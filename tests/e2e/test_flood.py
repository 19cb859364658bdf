"""A producer gone wrong stops its own partition instead of emptying it into the dead letters."""

from __future__ import annotations

import pytest

from e2e.rig import Rig
from e2e.sink import Sink, good
from plaudit.deliver.isolation.dlq_limit import FEW
from plaudit.events.encoding import encode
from plaudit.kafka.read.lag import LagReader
from plaudit.kafka.write.producer import Producer
from waiting import PROMPTLY_S

pytestmark = [pytest.mark.broker, pytest.mark.e2e]


def test_a_flood_of_unreadable_records_pauses_its_partition_and_loses_nothing(
    rig: Rig, sink: Sink
) -> None:
    rig.endpoint(sink.on("good", good))
    topic, wrong = rig.settings.names.event_topics[0], 3 * FEW
    events = [rig.event() for _ in range(4)]
    with Producer(rig.settings) as producer:
        for number in range(wrong):
            producer.publish(topic, b"no event %d" % number, b"key", None, 0)
        for number, event in enumerate(events):
            producer.publish(topic, encode(event), b"key", None, number % 2)
    elsewhere = {str(event.meta.event_id) for event in events[1::2]}
    worker = rig.worker()
    assert sink.wait_until(lambda: sink.ids("good").keys() >= elsewhere, PROMPTLY_S)
    rig.wait_dead(FEW, events=True)
    assert sink.wait_until(lambda: bool(rig.logged("partition.blocked")), PROMPTLY_S)
    assert rig.stop(worker) == 0
    [said] = rig.logged("partition.blocked")
    assert said["partition"] == f"{topic}[0]"
    assert "unknown_format" in said["reason"]
    assert "PLAUDIT_FLOOD_SHARE" in said["reason"]
    assert len(rig.dead(events=True)) == FEW
    assert set(sink.ids("good")) == elsewhere
    reader = LagReader(rig.settings, rig.settings.names.events_group)
    behind = {each.partition: each.behind for each in reader.read([topic])}
    reader.close()
    assert behind[0] == wrong - FEW + 2, "what was not dead-lettered is read again"
    everything = rig.worker(PLAUDIT_FLOOD_SHARE="1")
    ids = {str(event.meta.event_id) for event in events}
    assert sink.wait_until(lambda: sink.ids("good").keys() >= ids, PROMPTLY_S)
    rig.wait_dead(wrong, events=True)
    assert rig.stop(everything) == 0
    assert sink.ids("good") == dict.fromkeys(ids, 1)
