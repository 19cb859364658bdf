"""Positions of the lanes are moved back to a time, and never forward."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import pytest

from plaudit.control.rewinding import GroupHasMembers, LaneRewind, lanes, moves_back
from plaudit.kafka.read.consumer import CommittedOffset, Consumer, GroupConfig, GroupEvents
from plaudit.kafka.read.lag import GroupPosition
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.types import Partition
from plaudit.kafka.write.producer import Producer
from waiting import until

FIRST, SECOND, THIRD = (Partition("t", number) for number in range(3))


def test_only_positions_after_the_time_move() -> None:
    positions = {
        FIRST: GroupPosition(10, "p1:AQ=="),
        SECOND: GroupPosition(3, ""),
        THIRD: GroupPosition(None, ""),
    }
    assert moves_back(positions, {FIRST: 4, SECOND: 5, THIRD: 0}) == {FIRST: (4, 10)}
    assert moves_back(positions, {}) == {}


def test_a_tiers_topic_is_read_again_from_a_delay_earlier() -> None:
    settings = KafkaSettings(topic_prefix="p.", retry_schedule="5s,1h")
    events, deliveries = lanes(settings).values()
    assert set(events.values()) == {0}
    assert deliveries == {
        "p.deliveries.now": 0,
        "p.deliveries.5s": 5_000,
        "p.deliveries.1h": 3_600_000,
    }


@pytest.mark.broker
def test_a_group_without_members_moves_back_and_one_with_members_refuses(
    topics: KafkaSettings,
) -> None:
    group, delays = next(iter(lanes(topics).items()))
    place = Partition(next(iter(delays)), 0)
    since_ms = int(time.time() * 1_000) - 60_000
    with Producer(topics) as producer:
        for _ in range(3):
            producer.publish(place.topic, b"x", partition=0).result(30)
    held: list[Partition] = []

    def assigned(partitions: Sequence[Partition]) -> Mapping[Partition, int]:
        held.extend(partitions)
        return dict.fromkeys(partitions, 0)

    def ignored(_: object) -> None:
        """Let partitions go."""

    events = GroupEvents(assigned, ignored, ignored, ignored, ignored)
    member = Consumer(topics, GroupConfig(group, "range"), events)
    member.subscribe([place.topic])
    until(lambda: member.read(10, 0.05) or held, "the member has its partitions", every_s=0)
    member.commit({place: CommittedOffset(3, "p1:AQ==")}, wait=True)
    with LaneRewind(topics, group, delays) as rewind:
        moves = rewind.find(since_ms)
        assert moves == {place: (0, 3)}
        with pytest.raises(GroupHasMembers, match="stop all workers"):
            rewind.move(moves)
        assert rewind.find(since_ms) == moves
        member.close()
        rewind.move(moves)
        assert rewind.find(since_ms) == {}
        assert rewind.find(since_ms + 120_000) == {}
