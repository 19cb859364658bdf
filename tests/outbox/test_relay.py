"""The relay moves what is committed to Kafka: in order per key, and nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import pytest
from confluent_kafka import Message
from pydantic import SecretStr

from command import CommandLine
from conftest import FEW
from outbox.conftest import EXAMPLE, Outbox, new_postgres
from plaudit.events.decoding import EventDecoder
from plaudit.events.encoding import encode
from plaudit.events.entity import Entity
from plaudit.events.models import TestimonialApproved
from plaudit.events.models.event import EventModel
from plaudit.kafka.admin.topic_specs import Section, declared
from plaudit.kafka.admin.topics import Admin, apply
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.write.producer import Producer, ProducerConfig
from plaudit.outbox import blocked_topics as shut
from plaudit.outbox.queue import OutboxMissing
from plaudit.outbox.service import RelayService
from postgres import LocalPostgres, find_programs
from publish.conftest import ReadAll, read_topic
from waiting import until

pytestmark = pytest.mark.broker

Fresh = Callable[[], EventModel]
PLAUDIT = str(Path(sys.executable).with_name("plaudit"))
DECODER = EventDecoder()
NEVER_S = 3_600.0
PATIENCE_S = 60.0


def approved(number: int) -> EventModel:
    """Return an event of the testimonial of that number."""
    assert isinstance(EXAMPLE, TestimonialApproved)
    meta = EXAMPLE.meta.model_copy(update={"event_id": uuid.uuid4()})
    mine = EXAMPLE.testimonial.model_copy(update={"testimonial_id": uuid.UUID(int=number)})
    return EXAMPLE.model_copy(update={"meta": meta, "testimonial": mine})


def service(outbox: Outbox, settings: KafkaSettings, poll_s: float = 0.05) -> RelayService:
    queue = outbox.queue(settings)
    return RelayService(queue, lambda: Producer(settings, ProducerConfig()), poll_s)


@contextmanager
def running(*services: RelayService) -> Iterator[None]:
    """Run relays in threads, and stop them."""
    threads = [threading.Thread(target=each.run) for each in services]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for each in services:
            each.stop()
        for thread in threads:
            thread.join(PATIENCE_S)
    assert not any(thread.is_alive() for thread in threads)


def empty(outbox: Outbox) -> bool:
    return outbox.execute("SELECT count(*) FROM plaudit_outbox WHERE refusal IS NULL") == [(0,)]


def ids(messages: list[Message]) -> list[str]:
    return [DECODER.decode(each.value() or b"").event_id for each in messages]


def ids_of(events: list[EventModel]) -> list[str]:
    return [str(event.meta.event_id) for event in events]


def test_committed_rows_arrive_in_order_with_headers_and_leave_the_table(
    outbox: Outbox, topics: KafkaSettings, read_all: ReadAll, fresh: Fresh
) -> None:
    events = [fresh() for _ in range(2_500)]  # several batches
    outbox.enqueue(*events)
    relay = service(outbox, topics)
    relay.run(until_empty=True)
    messages = read_all(topics.names.event_topics[0])
    assert ids(messages) == ids_of(events)
    assert ("ce_source", b"/services/tests") in (messages[0].headers() or [])
    assert relay.tally.published == len(events)
    assert outbox.execute("SELECT count(*) FROM plaudit_outbox") == [(0,)]


def test_rows_that_can_not_be_published_are_put_aside_and_the_rest_is_published(
    outbox: Outbox, topics: KafkaSettings, read_all: ReadAll, fresh: Fresh
) -> None:
    good = [fresh() for _ in range(4)]
    outbox.enqueue(*good)
    outbox.execute("UPDATE plaudit_outbox SET topic = 'nonsense' WHERE number = 1")
    outbox.execute("UPDATE plaudit_outbox SET headers = '{' WHERE number = 2")
    outbox.execute("UPDATE plaudit_outbox SET value = 'too short' WHERE number = 3")
    service(outbox, topics).run(until_empty=True)
    assert ids(read_all(topics.names.event_topics[0])) == ids_of(good[3:])
    reasons = outbox.execute("SELECT refusal FROM plaudit_outbox ORDER BY number")
    for (reason,), said in zip(reasons, ("not one of", "headers", "value"), strict=True):
        assert said in str(reason)
    outbox.execute("UPDATE plaudit_outbox SET topic = 'testimonials' WHERE number = 1")
    queue = outbox.queue(topics)
    assert queue.backlog()[:2] == (0, 3)
    assert queue.retry() == 3
    queue.release()
    service(outbox, topics).run(until_empty=True)
    assert ids(read_all(topics.names.event_topics[0])) == ids_of([good[3], good[0]])


def test_a_topic_that_can_not_be_written_to_holds_back_its_own_rows_only(
    outbox: Outbox,
    settings: KafkaSettings,
    fresh: Fresh,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    monkeypatch.setattr(shut, "TRY_AGAIN_S", 0.5)
    hasty = {"topic.metadata.propagation.max.ms": SecretStr("500")}
    kafka = settings.model_copy(update={"properties": hasty})
    specs = declared(kafka, single_node=True, partitions=FEW)
    topics = {spec.name: spec for spec in specs if spec.section is Section.EVENTS}
    testimonials, forms = (
        kafka.names.event_topic(each) for each in (Entity.TESTIMONIALS, Entity.FORMS)
    )
    apply(Admin(kafka), [topics[testimonials]])
    first, others = [fresh() for _ in range(1_200)], [fresh() for _ in range(5)]
    outbox.enqueue(*first)
    outbox.execute("UPDATE plaudit_outbox SET topic = 'forms'")  # more than a batch of them
    outbox.enqueue(*others)
    relay = service(outbox, kafka)
    with running(relay):
        until(lambda: relay.tally.published == len(others))
        assert relay.tally.shut == ("forms",)
        apply(Admin(kafka), [topics[forms]])
        until(partial(empty, outbox))
    assert ids(read_topic(kafka, testimonials)) == ids_of(others)
    assert ids(read_topic(kafka, forms)) == ids_of(first)
    told = [each.message for each in caplog.records if each.message.startswith("outbox.topic")]
    assert told == ["outbox.topic_unwritable", "outbox.topic_writable"]


def test_a_record_that_the_brokers_refuse_is_put_aside(
    outbox: Outbox, topics: KafkaSettings, read_all: ReadAll, fresh: Fresh
) -> None:
    events = [fresh(), fresh()]
    outbox.enqueue(*events)
    head, rest = encode(events[0])[:10], b"x" * 3_000_000
    mark = "?" if outbox.dialect == "sqlite" else "%s"
    with closing(outbox.connect()) as connection:
        change = f"UPDATE plaudit_outbox SET value = {mark} WHERE number = 1"  # noqa: S608 - ours
        connection.execute(change, (head + rest,))
        connection.commit()
    relay = service(outbox, topics)
    relay.run(until_empty=True)
    assert relay.tally.refused == 1
    [(reason,)] = outbox.execute("SELECT refusal FROM plaudit_outbox")
    assert "too large" in str(reason)
    assert ids(read_all(topics.names.event_topics[0])) == ids_of(events[1:])


def test_several_relays_side_by_side_keep_the_order_of_each_key(
    outbox: Outbox, topics: KafkaSettings, read_all: ReadAll
) -> None:
    written: dict[int, list[str]] = defaultdict(list)

    def write(key: int) -> None:
        for _ in range(20):
            events = [approved(key) for _ in range(5)]
            outbox.enqueue(*events)
            written[key] += ids_of(events)

    relays = [service(outbox, topics) for _ in range(3)]
    writers = [threading.Thread(target=partial(write, key)) for key in range(4)]
    with running(*relays):
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join(PATIENCE_S)
        until(partial(empty, outbox))
    found: dict[int, list[str]] = defaultdict(list)
    for message in read_all(topics.names.event_topics[0]):
        found[uuid.UUID((message.key() or b"").decode()).int] += ids([message])
    assert found == written
    assert sum(each.tally.published > 0 for each in relays) == 1, "one works, the others stand by"


def test_another_relay_takes_over_when_the_first_ends(
    outbox: Outbox, topics: KafkaSettings, read_all: ReadAll, fresh: Fresh
) -> None:
    first, second = service(outbox, topics), service(outbox, topics)
    events = [fresh(), fresh()]
    with running(second):
        with running(first):
            outbox.enqueue(events[0])
            until(partial(empty, outbox))
        outbox.enqueue(events[1])
        until(partial(empty, outbox))
    assert ids(read_all(topics.names.event_topics[0])) == ids_of(events)


def test_an_insert_wakes_the_relay(outbox: Outbox, topics: KafkaSettings, fresh: Fresh) -> None:
    relay = service(outbox, topics, NEVER_S)

    def published(count: int) -> bool:
        return relay.tally.published == count

    with running(relay):
        for count in (1, 2):
            outbox.enqueue(fresh())
            until(partial(published, count))
        relay.stop()
        outbox.enqueue(fresh())  # wakes it once more, to find that it is to end


def test_while_brokers_are_away_rows_stay(outbox: Outbox, fresh: Fresh) -> None:
    outbox.enqueue(fresh())
    relay = service(outbox, KafkaSettings(bootstrap_servers="127.0.0.1:1"))
    thread = threading.Thread(target=relay.run)
    thread.start()
    until(lambda: relay.tally.active)
    relay.stop(grace_s=0.1)
    thread.join(PATIENCE_S)
    assert not thread.is_alive()
    assert not empty(outbox)


def test_rows_are_counted_while_a_batch_waits_for_the_brokers(
    outbox: Outbox, fresh: Fresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("plaudit.outbox.service.SAY_EVERY_S", 0.05)
    outbox.enqueue(fresh())
    relay = service(outbox, KafkaSettings(bootstrap_servers="127.0.0.1:1"))
    with running(relay):
        until(lambda: relay.tally.backlog.waiting == 1, "the row is counted")
        relay.stop(grace_s=0.1)


def test_a_restarting_database_is_awaited(
    topics: KafkaSettings, read_all: ReadAll, fresh: Fresh
) -> None:
    programs = find_programs()
    if programs is None:
        pytest.skip("no Postgres to restart")
    events = [fresh(), fresh()]
    with LocalPostgres(programs) as server:
        outbox = new_postgres(server)
        relay = service(outbox, topics)
        with running(relay):
            outbox.enqueue(events[0])
            until(lambda: relay.tally.published == 1)
            server.kill()
            until(lambda: relay.tally.failures > 0)
            server.start()
            outbox.enqueue(events[1])
            until(lambda: relay.tally.published == 2)
    assert ids(read_all(topics.names.event_topics[0])) == ids_of(events)


def test_a_missing_table_ends_the_relay_with_a_remedy(
    outbox: Outbox, topics: KafkaSettings
) -> None:
    outbox.execute("DROP TABLE plaudit_outbox")
    with pytest.raises(OutboxMissing, match="plaudit outbox ddl --dialect"):
        service(outbox, topics).run()


def test_the_commands_relay_count_and_retry_rows(
    outbox: Outbox,
    topics: KafkaSettings,
    read_all: ReadAll,
    fresh: Fresh,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plaudit = CommandLine(topics)
    missing = plaudit("outbox", "status")
    assert (missing.code, missing.err.count("\n")) == (2, 1)
    assert "PLAUDIT_OUTBOX_URL: not set" in missing.err
    monkeypatch.setenv("PLAUDIT_OUTBOX_URL", outbox.url)
    assert plaudit("outbox", "ddl").out == plaudit("outbox", "ddl", "--dialect", outbox.dialect).out
    outbox.enqueue(fresh(), fresh())
    outbox.execute("UPDATE plaudit_outbox SET topic = 'nonsense' WHERE number = 1")
    assert plaudit("outbox", "status", "--json").json[0]["waiting"] == 2
    environment = {
        **os.environ,
        "KAFKA_BOOTSTRAP_SERVERS": topics.bootstrap_servers,
        "PLAUDIT_TOPIC_PREFIX": topics.topic_prefix,
    }
    relay = [PLAUDIT, "outbox", "relay", "--once"]
    done = subprocess.run(relay, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "plaudit: 1 rows can't be published; see `plaudit outbox status`\n"
    assert [json.loads(line)["event"] for line in done.stdout.splitlines()] == [
        "process.started",
        "outbox.active",
        "outbox.row_refused",
        "outbox.relayed",
    ]
    assert len(read_all(topics.names.event_topics[0])) == 1
    found = plaudit("outbox", "status", "--json")
    assert (found.code, found.json[0]["refused"]) == (1, 1)
    assert "1 rows wait again" in plaudit("outbox", "retry").err
