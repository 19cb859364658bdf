"""The consumer: where it reads, what it commits, and the ranges that it reports as lost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack

import pytest
from pydantic import SecretStr

from conftest import MakeTopic, delete_before
from plaudit.kafka.errors import ConsumerFatal, KafkaFailure
from plaudit.kafka.read.consumer import (
    CommittedOffset,
    Consumer,
    GroupConfig,
    GroupEvents,
    Partition,
)
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.write.producer import Producer
from waiting import PROMPTLY_S, until

pytestmark = pytest.mark.broker


class Member:
    """A member of a group that commits nothing by itself."""

    def __init__(self, settings: KafkaSettings, assignor: str = "range") -> None:
        self.held: set[Partition] = set()
        self.gone: list[Partition] = []
        self.starts: dict[Partition, int] = {}
        self.values: list[bytes] = []
        config = GroupConfig(f"{settings.topic_prefix}group", assignor)
        self.uncommitted: list[Partition] = []
        events = GroupEvents(
            self._assigned,
            self._revoked,
            self._revoked,
            self._out_of_range,
            self.uncommitted.extend,
        )
        self.consumer = Consumer(settings, config, events)

    def _assigned(self, partitions: Sequence[Partition]) -> Mapping[Partition, int]:
        self.held.update(partitions)
        return {each: self.starts.get(each, 0) for each in partitions}

    def _revoked(self, partitions: Sequence[Partition]) -> None:
        self.held.difference_update(partitions)

    def _out_of_range(self, partition: Partition) -> None:
        self.gone.append(partition)
        self.consumer.seek(partition, self.consumer.bounds(partition)[0])

    def read(self) -> None:
        """Read once."""
        self.values += [each.value() or b"" for each in self.consumer.read(500, 0.05)]


def read_until(reached: Callable[[], bool], *members: Member) -> None:
    """Let members read until a condition holds."""

    def ask() -> bool:
        for member in members:
            member.read()
        return reached()

    until(ask, f"{len(members)} members have read enough", every_s=0)


def write(
    settings: KafkaSettings, topic: str, values: Sequence[bytes], partition: int = -1
) -> None:
    with Producer(settings) as producer:
        for future in [producer.publish(topic, each, partition=partition) for each in values]:
            future.result(PROMPTLY_S)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Close members when the test ends."""
    with ExitStack() as made:
        yield made


@pytest.fixture
def join(settings: KafkaSettings, stack: ExitStack) -> Callable[..., Member]:
    """Make members, which leave when the test ends."""

    def make(
        *topics: str, assignor: str = "range", starts: Mapping[Partition, int] | None = None
    ) -> Member:
        member = Member(settings, assignor)
        member.starts.update(starts or {})
        stack.callback(member.consumer.close)
        member.consumer.subscribe(topics)
        return member

    return make


Join = Callable[..., Member]


def test_reading_starts_where_the_owner_says(
    settings: KafkaSettings, make_topic: MakeTopic, join: Join
) -> None:
    topic = make_topic()
    write(settings, topic, [b"%d" % number for number in range(10)])
    member = join(topic, starts={Partition(topic, 0): 7})
    read_until(lambda: len(member.values) == 3, member)
    assert member.values == [b"7", b"8", b"9"]


def test_a_committed_offset_is_read_with_its_metadata(make_topic: MakeTopic, join: Join) -> None:
    topic = make_topic(partitions=2)
    member = join(topic)
    first, second = Partition(topic, 0), Partition(topic, 1)
    read_until(lambda: len(member.held) == 2, member)
    member.consumer.commit({first: CommittedOffset(3, "x" * 4_000)}, wait=True)
    assert member.consumer.committed([first, second]) == {
        first: CommittedOffset(3, "x" * 4_000),
        second: CommittedOffset(None, ""),
    }


def test_offsets_are_looked_up_and_committed_within_an_assignment(
    settings: KafkaSettings, make_topic: MakeTopic, stack: ExitStack
) -> None:
    """The answer to the commit arrives in the `read` that the assignment interrupted."""
    topic = make_topic()
    found: list[CommittedOffset] = []
    answers: list[Sequence[Partition]] = []

    def assigned(partitions: Sequence[Partition]) -> Mapping[Partition, int]:
        found.extend(consumer.committed(partitions).values())
        consumer.commit({each: CommittedOffset(0, "x") for each in partitions}, wait=False)
        return dict.fromkeys(partitions, 0)

    events = GroupEvents(assigned, lambda _: None, lambda _: None, lambda _: None, answers.append)
    consumer = Consumer(settings, GroupConfig(f"{settings.topic_prefix}group", "range"), events)
    stack.callback(consumer.close)
    consumer.subscribe([topic])
    until(lambda: bool(consumer.read(1, 5.0)) or bool(answers), "the commit is answered", every_s=0)
    assert found == [CommittedOffset(None, "")]


def test_metadata_over_the_brokers_limit_raises_a_clear_error(
    make_topic: MakeTopic, join: Join
) -> None:
    topic = make_topic()
    member = join(topic)
    read_until(lambda: bool(member.held), member)
    with pytest.raises(KafkaFailure, match="OFFSET_METADATA_TOO_LARGE"):
        member.consumer.commit({Partition(topic, 0): CommittedOffset(1, "x" * 4_097)}, wait=True)


def test_a_pause_loses_nothing_and_repeats_nothing(
    settings: KafkaSettings, make_topic: MakeTopic, join: Join
) -> None:
    topic = make_topic()
    partition = Partition(topic, 0)
    write(settings, topic, [b"%d" % number for number in range(1_200)])
    member = join(topic)
    read_until(lambda: len(member.values) > 0, member)
    member.consumer.pause([partition])
    seen = len(member.values)
    for _ in range(3):
        member.read()
    assert len(member.values) == seen
    member.consumer.resume([partition])
    read_until(lambda: len(member.values) >= 1_200, member)
    assert member.values == [b"%d" % number for number in range(1_200)]


def test_seek_reads_again_also_while_paused(
    settings: KafkaSettings, make_topic: MakeTopic, join: Join
) -> None:
    topic = make_topic()
    partition = Partition(topic, 0)
    write(settings, topic, [b"%d" % number for number in range(5)])
    member = join(topic)
    read_until(lambda: len(member.values) == 5, member)
    member.consumer.pause([partition])
    member.consumer.seek(partition, 3)
    member.consumer.resume([partition])
    read_until(lambda: len(member.values) == 7, member)
    assert member.values[5:] == [b"3", b"4"]


@pytest.mark.parametrize("assignor", ["range", "cooperative-sticky"])
def test_a_lost_position_is_reported_and_reading_continues_where_the_owner_seeks(
    assignor: str, settings: KafkaSettings, make_topic: MakeTopic, join: Join
) -> None:
    """Without disturbing another partition, which is paused with a seek of its own."""
    topic = make_topic(partitions=2)
    gone, paused = Partition(topic, 0), Partition(topic, 1)
    write(settings, topic, [b"p%d" % number for number in range(5)], 1)
    member = join(topic, assignor=assignor, starts={gone: 2})
    read_until(lambda: len(member.values) == 5, member)
    member.consumer.pause([paused])
    member.consumer.seek(paused, 4)
    write(settings, topic, [b"%d" % number for number in range(8)], 0)
    delete_before(settings, gone, 5)
    member.consumer.pause([gone])
    member.consumer.seek(gone, 2)
    member.consumer.resume([gone])
    read_until(lambda: b"7" in member.values and bool(member.gone), member)
    assert set(member.gone) == {gone}
    assert member.values[-3:] == [b"5", b"6", b"7"]
    assert b"p4" not in member.values[5:]
    assert member.consumer.bounds(gone) == (5, 8)
    member.consumer.resume([paused])
    read_until(lambda: b"p4" in member.values[5:], member)
    assert member.values.count(b"p4") == 2


def test_seek_in_a_partition_of_someone_else_is_refused(make_topic: MakeTopic, join: Join) -> None:
    topic = make_topic()
    member = join(topic)
    read_until(lambda: bool(member.held), member)
    with pytest.raises(KafkaFailure, match="seek in"):
        member.consumer.seek(Partition(topic, 5), 0)


@pytest.mark.parametrize(
    ("assignor", "protocol"),
    [
        ("range", "classic"),
        ("cooperative-sticky", None),
        ("range", "consumer"),
    ],
)
def test_two_members_share_and_one_that_leaves_hands_over(
    assignor: str,
    protocol: str | None,
    settings: KafkaSettings,
    make_topic: MakeTopic,
    stack: ExitStack,
) -> None:
    topic = make_topic(partitions=4)
    given = {"group.protocol": protocol} if protocol else {}
    chosen = KafkaSettings.model_validate(
        {
            "bootstrap_servers": settings.bootstrap_servers,
            "topic_prefix": settings.topic_prefix,
            "properties": given,
        }
    )
    first = Member(chosen, assignor)
    first.consumer.subscribe([topic])
    read_until(lambda: len(first.held) == 4, first)
    second = Member(chosen, assignor)
    stack.callback(second.consumer.close)
    second.consumer.subscribe([topic])
    read_until(lambda: len(first.held) == 2 and len(second.held) == 2, first, second)
    assert not first.held & second.held
    first.consumer.close()
    assert not first.held
    read_until(lambda: len(second.held) == 4, second)
    write(settings, topic, [b"x"] * 20)
    read_until(lambda: len(second.values) == 20, second)


def speaking(settings: KafkaSettings, **properties: str) -> KafkaSettings:
    given = {name.replace("_", "."): SecretStr(value) for name, value in properties.items()}
    return settings.model_copy(update={"properties": given})


def end_of(member: Member, *others: Member) -> ConsumerFatal:
    """Read until the consumer ends; return with what."""
    deadline = time.monotonic() + PROMPTLY_S
    while time.monotonic() < deadline:
        for other in others:
            other.read()
        try:
            member.read()
        except ConsumerFatal as fatal:
            return fatal
    pytest.fail("it reads on")


def test_a_member_exits_when_another_joins_with_its_instance_id(
    settings: KafkaSettings, make_topic: MakeTopic
) -> None:
    topic = make_topic()
    ours = speaking(settings, group_instance_id="one")
    first, second = Member(ours), Member(ours)
    first.consumer.subscribe([topic])
    read_until(lambda: bool(first.held), first)
    second.consumer.subscribe([topic])
    fatal = end_of(first, second)
    assert "the consumer failed permanently" in str(fatal)
    for member in (first, second):
        member.consumer.close()


def test_a_member_with_another_assignor_exits_and_prints_a_remedy(
    settings: KafkaSettings, make_topic: MakeTopic, join: Join
) -> None:
    topic = make_topic()
    older = join(topic, assignor="cooperative-sticky")
    read_until(lambda: bool(older.held), older)
    newer = Member(settings, "range")
    newer.consumer.subscribe([topic])
    assert "this one joins when the last has left" in str(end_of(newer, older))
    newer.consumer.close()
