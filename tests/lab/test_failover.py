"""A second cluster takes over: the first one dies, and the pipeline starts on its mirror."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from confluent_kafka import (
    TIMESTAMP_LOG_APPEND_TIME,
    Consumer,
    KafkaException,
    Producer,
    TopicPartition,
)

from conftest import apply_topics, delete_before
from e2e.rig import PLAUDIT, Rig
from lab.conftest import SCHEDULE
from lab.groups import Groups
from lab.mirror import MirrorMaker
from lab.scenario import GOOD, Behavior
from lab.subscribers import Subscribers
from plaudit.control.event_origin import EventSource, find_event
from plaudit.dev.kafka import LocalKafka
from plaudit.dev.kafka_errors import KafkaNotFound
from plaudit.kafka.read.consumer import Partition
from plaudit.kafka.read.record_reader import RecordReader
from plaudit.kafka.schemas.late_decoder import LateDecoder
from plaudit.kafka.settings import KafkaSettings
from plaudit.records.attempt import decode_attempt
from waiting import until

pytestmark = [pytest.mark.broker, pytest.mark.e2e, pytest.mark.nightly, pytest.mark.timeout(900)]

BEFORE: Final = 60
"""Events that the first cluster has dropped before the mirror begins, so that offsets differ."""
ROUNDS: Final = 12
BATCH: Final = 20
LAST: Final = 60
ABORTED: Final = b"written in a transaction that was aborted"
WITHIN_S: Final = 240.0
BEHAVIORS: Final = {
    "good": GOOD,
    "flaky": Behavior(fails=1),
    # Some answers come late and keep the position back, while others are done ahead of it.
    "slow": Behavior(after_s=0.8, spread=1.0),
}


@dataclass
class Clusters:
    """Two clusters with one installation's topics, and a mirror between them."""

    first: LocalKafka
    second: LocalKafka
    before: KafkaSettings
    after: KafkaSettings
    folder: Path


@pytest.fixture
def clusters(prefix: str, tmp_path: Path) -> Iterator[Clusters]:
    """Two brokers that know nothing of each other."""
    with ExitStack() as stack:
        try:
            first, second = (stack.enter_context(LocalKafka()) for _ in range(2))
        except KafkaNotFound as error:
            pytest.skip(f"no local Kafka: {error}")
        before, after = (
            KafkaSettings(
                bootstrap_servers=each.bootstrap, topic_prefix=prefix, retry_schedule=SCHEDULE
            )
            for each in (first, second)
        )
        apply_topics(before)
        apply_topics(after)
        yield Clusters(first, second, before, after, tmp_path)


class Delivered:
    """Answers with 2xx, by subscriber and event."""

    def __init__(self, subscribers: Subscribers) -> None:
        self._file = subscribers.file

    def count(self) -> Counter[tuple[str, str]]:
        """Return how often each delivery was answered with 2xx."""
        self._file.read()
        taken = [each for each in self._file.arrivals if 200 <= each.status < 300]
        return Counter((each.subscriber, each.event) for each in taken)


def test_a_mirror_takes_over_and_delivers_the_mirrored_records(clusters: Clusters) -> None:
    with ExitStack() as stack:
        subscribers = stack.enter_context(Subscribers(clusters.folder))
        rig = stack.enter_context(Rig(clusters.before, clusters.folder))
        delivered = Delivered(subscribers)
        _drop_events_before_the_mirror(rig)
        for name, behavior in BEHAVIORS.items():
            endpoint = rig.endpoint(subscribers.url(name))
            subscribers.settle(name, behavior, rig.secrets[endpoint])
        mirror = MirrorMaker(clusters.before, clusters.after, clusters.folder)
        with mirror:
            accepted, mirrored_bitmap = _work_on_the_first(clusters, rig, delivered)
            clusters.first.kill()
            for worker in rig.workers:
                worker.kill()
                worker.wait()
        done = set(delivered.count())
        again = stack.enter_context(Rig(clusters.after, clusters.folder / "second", rig.workspace))
        again.folder.mkdir()
        mirrored = _mirrored_events(again) & accepted
        assert done
        assert len(mirrored) > BATCH * ROUNDS // 2
        now = again.read(clusters.after.names.deliveries_now)
        assert ABORTED not in {each.value() for each in now}, "an aborted redrive was mirrored"
        _rewind(again)
        # Everything above the positions, and everything in the bitmaps, may come again.
        open_records = sum(Groups(clusters.after).behind().values())
        again.worker()
        again.worker()
        due = {(name, event) for name in BEHAVIORS for event in mirrored}
        until(lambda: due <= set(delivered.count()), "what was mirrored is delivered", WITHIN_S)
        until(lambda: not Groups(clusters.after).behind(), "all is committed", WITHIN_S)
        for worker in again.workers:
            assert again.stop(worker, 40) == 0
        counts = delivered.count()
        repeated = sum(count - 1 for count in counts.values())
        lost = accepted - mirrored
        print(
            f"{len(accepted)} events accepted, {len(lost)} not mirrored, {len(due)} deliveries "
            f"due, {len(due & done)} done before, {repeated} repeated, {open_records} records open"
        )
        assert repeated <= open_records * len(BEHAVIORS)
        _check_origins(clusters, again)
        _check_that_metadata_is_ignored(again, mirrored_bitmap)


def _drop_events_before_the_mirror(rig: Rig) -> None:
    """Let the logs of the first cluster begin later than at 0, as after retention."""
    rig.publish(BEFORE)
    topic = rig.settings.names.event_topics[0]
    for number, end in Counter(each.partition() for each in rig.read(topic)).items():
        delete_before(rig.settings, Partition(topic, number), end)


def _work_on_the_first(
    clusters: Clusters, rig: Rig, delivered: Delivered
) -> tuple[set[str], TopicPartition]:
    """Publish and deliver until positions were mirrored, and a last burst.

    Returns:
        The ids of all events, and a position that was mirrored with its bitmap.
    """
    _abort_a_redrive(clusters.before)
    rig.worker()
    rig.worker()
    accepted = {event for _ in range(ROUNDS) for event in rig.publish(BATCH)}
    goods = {("good", event) for event in accepted}
    until(lambda: len(goods & set(delivered.count())) > len(goods) // 2, "half arrived", WITHIN_S)
    until(lambda: _positions(clusters.after), "positions are mirrored", WITHIN_S)

    found: list[TopicPartition] = []

    def mirrored_a_bitmap() -> bool:
        accepted.update(rig.publish(BATCH))
        found.extend(_positions(clusters.after, "@"))
        return bool(found)

    until(mirrored_a_bitmap, "a bitmap is mirrored", WITHIN_S)
    return accepted | set(rig.publish(LAST)), found[0]


def _positions(settings: KafkaSettings, marked: str = "") -> list[TopicPartition]:
    """Return the positions of the events lane that have metadata beginning so."""
    client = _events_group(settings)
    try:
        topic = settings.names.event_topics[0]
        found = client.list_topics(topic, timeout=10).topics[topic].partitions
        places = client.committed([TopicPartition(topic, each) for each in found], 10)
    except KafkaException:  # the group's coordinator is not there yet
        places = []
    finally:
        client.close()
    return [each for each in places if each.offset > 0 and (each.metadata or "").startswith(marked)]


def _events_group(settings: KafkaSettings) -> Consumer:
    """Return a client that reads and writes the positions of the events lane."""
    group = {"group.id": settings.names.events_group, "enable.auto.commit": False}
    return Consumer({**group, "bootstrap.servers": settings.bootstrap_servers})


def _check_that_metadata_is_ignored(rig: Rig, mirrored: TopicPartition) -> None:
    """A worker that finds a position as the mirror wrote it reads on without the bitmap.

    The rewind had replaced that position, as it does after every failover by the page.
    """
    client = _events_group(rig.settings)
    client.commit(offsets=[mirrored], asynchronous=False)
    client.close()
    number = len(rig.workers)
    rig.worker()
    until(lambda: rig.logged("offsets.metadata_ignored", number), "the metadata is ignored")


def _abort_a_redrive(settings: KafkaSettings) -> None:
    """Write a delivery in a transaction that is aborted."""
    producer = Producer(
        {"bootstrap.servers": settings.bootstrap_servers, "transactional.id": "aborted"}
    )
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(settings.names.deliveries_now, ABORTED, b"key", 0)
    producer.flush(30)
    producer.abort_transaction(30)


def _mirrored_events(rig: Rig) -> set[str]:
    """Return the ids of the events that the second cluster has; with its own append times."""
    found = set()
    for message in rig.read(rig.settings.names.event_topics[0]):
        assert message.timestamp()[0] == TIMESTAMP_LOG_APPEND_TIME
        found.add(dict(message.headers())["ce_id"].decode())
    return found


def _rewind(rig: Rig) -> None:
    """Move the positions back by what the mirror may lag, as the page says."""
    command: list[Any] = [PLAUDIT, "records", "rewind", "--since", "5m", "--yes"]
    done = subprocess.run(
        command, env=rig.environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    print(done.stderr)


def _check_origins(clusters: Clusters, rig: Rig) -> None:
    """Attempts of the first cluster find their own event in the second, or none."""
    right, refused = 0, 0
    with RecordReader(clusters.after) as reader, LateDecoder(clusters.after) as decoder:
        for message in rig.read(clusters.after.names.attempts):
            attempt: Any = _Logged(decode_attempt(message.value()))
            found = find_event(EventSource(reader, decoder), attempt)
            if found.event is None:
                refused += 1
                assert found.problem
            else:
                right += 1
                assert found.event.event_id == attempt.event_id
    print(f"origins: {right} right, {refused} refused")
    assert right
    assert refused


class _Logged:
    """An attempt, with the fields of the log."""

    def __init__(self, fields: Any) -> None:
        self.__dict__.update(fields)
