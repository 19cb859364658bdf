"""The recorder on a real broker: from the topic to the log, over kills and outages."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from confluent_kafka import Consumer as Client
from confluent_kafka import TopicPartition
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from sqlalchemy.engine import Engine

from attempts import attempt
from databases import new_sqlite
from plaudit.bulk.control import Control
from plaudit.kafka.admin.topic_specs import Section, TopicSpec
from plaudit.kafka.admin.topics import Admin
from plaudit.kafka.read.consumer import Consumer, GroupConfig, GroupEvents, Partition
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.write.producer import Producer
from plaudit.recorder.projector import Projector, Read
from plaudit.recorder.rebuild import rebuild
from plaudit.recorder.recorder import Recorder
from plaudit.records.attempt import encode_attempt
from plaudit.records.trace_context import kafka_headers
from plaudit.store.db.database import reading
from plaudit.store.db.tables import ATTEMPTS
from plaudit.tracing.otel import OtelWriter
from plaudit.tracing.sampling import Sampling
from plaudit.tracing.span import SpanIds
from plaudit.tracing.writer import Tracing
from waiting import PROMPTLY_S, until

pytestmark = pytest.mark.broker


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """An empty database."""
    made = new_sqlite(tmp_path / "plaudit.db")
    yield made
    made.dispose()


def write(settings: KafkaSettings, count: int) -> set[str]:
    """Write attempts to the topic; return their ids."""
    made = [attempt() for _ in range(count)]
    with Producer(settings) as producer:
        for each in made:
            producer.publish(
                settings.names.attempts, encode_attempt(each), each["endpoint_id"].encode()
            )
    return {each["attempt_id"] for each in made}


def logged(engine: Engine) -> list[str]:
    """Return the ids that are in the log."""
    with reading(engine) as connection:
        return list(connection.execute(sa.select(ATTEMPTS.c.attempt_id)).scalars())


@contextmanager
def recording(settings: KafkaSettings, projector: Projector) -> Iterator[Recorder]:
    """Run a recorder of this projector in a thread."""
    with running(Recorder(settings, projector)) as recorder:
        yield recorder


@contextmanager
def running(recorder: Recorder) -> Iterator[Recorder]:
    """Run a recorder in a thread."""
    thread = threading.Thread(target=recorder.run)
    thread.start()
    try:
        yield recorder
    finally:
        recorder.stop()
        thread.join(PROMPTLY_S)
        assert not thread.is_alive()


def test_the_span_of_a_batch_is_linked_to_the_deliveries_that_wrote_its_attempts(
    topics: KafkaSettings, engine: Engine
) -> None:
    exporter = InMemorySpanExporter()
    writer = OtelWriter(SimpleSpanProcessor(exporter), Resource({}))
    recorder = Recorder(
        topics, Projector(engine, None), Tracing(writer, Sampling(0.0, by_parent=True))
    )
    made = [attempt(), attempt()]
    deliver = SpanIds(1, 2)
    with Producer(topics) as producer:
        for each, headers in zip(made, (None, kafka_headers(deliver.context)), strict=True):
            key = each["endpoint_id"].encode()
            producer.publish(topics.names.attempts, encode_attempt(each), key, headers)
    thread = threading.Thread(target=recorder.run)
    thread.start()
    until(lambda: len(logged(engine)) == len(made))
    recorder.stop()
    thread.join(PROMPTLY_S)
    [span] = exporter.get_finished_spans()
    [link] = span.links
    assert (link.context.trace_id, link.context.span_id) == (1, 2)


def committed(settings: KafkaSettings) -> int:
    """Return how many records of the topic the group is done with."""
    events = GroupEvents(lambda _: {}, lambda _: None, lambda _: None, lambda _: None)
    reader = Consumer(settings, GroupConfig(settings.names.recorder_group), events)
    partitions = [Partition(settings.names.attempts, number) for number in range(2)]
    places = reader.committed(partitions)
    reader.close()
    return sum(place.offset or 0 for place in places.values())


def test_every_attempt_is_in_the_log_once_and_committed(
    topics: KafkaSettings, engine: Engine
) -> None:
    wanted = write(topics, 300)
    with recording(topics, Projector(engine, None)):
        until(lambda: len(logged(engine)) == 300)
        wanted |= write(topics, 50)
        until(lambda: len(logged(engine)) == 350)
    assert sorted(logged(engine)) == sorted(wanted)
    assert committed(topics) == 350


def test_written_but_uncommitted_records_are_recognized_the_next_time(
    topics: KafkaSettings, engine: Engine
) -> None:
    class Killed(BaseException):
        """As SIGKILL would, between the database's commit and Kafka's."""

    class Dies(Projector):
        def project(self, records: Sequence[Read]) -> None:
            super().project(records)
            raise Killed

    wanted = write(topics, 200)
    doomed = Recorder(topics, Dies(engine, None))
    with pytest.raises(Killed):
        doomed.run()
    assert logged(engine)
    assert committed(topics) == 0
    projector = Projector(engine, None)
    with recording(topics, projector):
        until(lambda: projector.counts.written + projector.counts.known == 200)
    assert sorted(logged(engine)) == sorted(wanted)
    assert projector.counts.known > 0


def test_an_unavailable_database_is_awaited(
    topics: KafkaSettings, engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE attempts RENAME TO elsewhere"))
    wanted = write(topics, 100)
    projector = Projector(engine, None)
    with recording(topics, projector) as recorder:
        until(lambda: recorder.trouble is not None)
        assert committed(topics) == 0
        with engine.begin() as connection:
            connection.execute(sa.text("ALTER TABLE elsewhere RENAME TO attempts"))
        until(lambda: len(logged(engine)) == 100)
        assert recorder.trouble is None
        wanted |= write(topics, 10)
        until(lambda: len(logged(engine)) == 110)
    assert sorted(logged(engine)) == sorted(wanted)
    waits = [record for record in caplog.records if record.message == "recorder.unavailable"]
    assert len(waits) == 1, "said once, not at every repetition"


def test_a_position_past_the_end_is_counted_and_the_log_is_read_from_its_start(
    topics: KafkaSettings, engine: Engine
) -> None:
    wanted = write(topics, 20)
    client = Client(
        {
            "bootstrap.servers": topics.bootstrap_servers,
            "group.id": topics.names.recorder_group,
        }
    )
    past = [TopicPartition(topics.names.attempts, number, 5_000) for number in range(2)]
    client.commit(offsets=past, asynchronous=False)
    client.close()
    with recording(topics, Projector(engine, None)) as recorder:
        until(lambda: len(logged(engine)) == 20)
        wanted |= write(topics, 10)
        until(lambda: len(logged(engine)) == 30)
        assert (recorder.positions_reset, recorder.lost) == (2, 0)
    assert sorted(logged(engine)) == sorted(wanted)
    assert committed(topics) == 30


def test_a_recreated_attempts_topic_is_read_from_its_start(
    topics: KafkaSettings, engine: Engine
) -> None:
    write(topics, 20)
    with recording(topics, Projector(engine, None)) as recorder:
        until(lambda: len(logged(engine)) == 20)
        name, admin = topics.names.attempts, Admin(topics)
        assert not admin.remove([name], "none")
        spec = TopicSpec(name, Section.ATTEMPTS, 2, 1, {})
        until(lambda: admin.create([spec])[name] is None)
        write(topics, 5)
        until(lambda: len(logged(engine)) == 25)
        assert recorder.positions_reset > 0


def test_a_rebuild_writes_what_the_log_lacks_and_nothing_else(
    topics: KafkaSettings, engine: Engine, tmp_path: Path
) -> None:
    wanted = write(topics, 120)
    with recording(topics, Projector(engine, None)):
        until(lambda: len(logged(engine)) == 120)
    wanted |= write(topics, 30)
    before = committed(topics)
    done = rebuild(topics, engine, Control())
    assert (done.read, done.complete) == (150, True)
    assert (done.counts.written, done.counts.known, done.counts.disabled) == (30, 120, 0)
    assert sorted(logged(engine)) == sorted(wanted)
    assert committed(topics) == before, "the group's place is the recorders' own"
    lost = new_sqlite(tmp_path / "another.db")
    assert rebuild(topics, lost, Control()).counts.written == 150
    assert sorted(logged(lost)) == sorted(wanted)
    lost.dispose()


def test_a_stopped_rebuild_reports_it_and_can_be_repeated(
    topics: KafkaSettings, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = write(topics, 60)
    monkeypatch.setattr("plaudit.recorder.rebuild.MOST", 20)
    stopped = Control()
    stopped.stop("SIGTERM")
    done = rebuild(topics, engine, stopped)
    assert (done.read, done.complete) == (20, False)
    assert rebuild(topics, engine, Control()).complete
    assert sorted(logged(engine)) == sorted(wanted)
