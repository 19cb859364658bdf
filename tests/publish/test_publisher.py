"""Publishers tell the truth about what the brokers have."""

from __future__ import annotations

import asyncio
import uuid

import pytest

from plaudit.events.decoding import EventDecoder
from plaudit.events.examples import example
from plaudit.events.models.event import EventModel
from plaudit.kafka.errors import BufferFull, KafkaUnavailable, ProducerClosed, SettingsError
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.write.producer import ProducerConfig
from plaudit.publish import AsyncPublisher, EventTooLarge, Publisher
from plaudit.publish import publisher as publisher_module
from plaudit.publish.prepare import MOST_BYTES
from publish.conftest import ReadAll
from publish.test_prepare import TRACE, large

pytestmark = pytest.mark.broker


def fresh(name: str = "testimonial.approved") -> EventModel:
    """Return an example with an id of its own."""
    event = example(name)
    meta = event.meta.model_copy(update={"event_id": uuid.uuid4()})
    return event.model_copy(update={"meta": meta})


def ids(events: list[EventModel]) -> list[str]:
    return sorted(str(event.meta.event_id) for event in events)


def little_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the buffer hold some 60 KB."""

    def config(delivery_timeout_ms: int) -> ProducerConfig:
        return ProducerConfig(delivery_timeout_ms=delivery_timeout_ms, buffer_kbytes=64)

    monkeypatch.setattr(publisher_module, "ProducerConfig", config)


def test_the_topic_contains_exactly_the_acknowledged_events(
    topics: KafkaSettings, read_all: ReadAll
) -> None:
    events = [fresh() for _ in range(500)]
    with Publisher(topics, source="/services/moderation") as publisher:
        futures = [publisher.publish(event) for event in events]
        assert publisher.flush() == 0
        acks = {(f.result(0).partition, f.result(0).offset) for f in futures}
    records = read_all(topics.names.event_topics[0])
    assert acks == {(record.partition(), record.offset()) for record in records}
    decoder = EventDecoder()
    assert sorted(decoder.decode(r.value() or b"").event_id for r in records) == ids(events)


def test_events_of_one_testimonial_stay_in_order(topics: KafkaSettings, read_all: ReadAll) -> None:
    events = [fresh() for _ in range(50)]
    with Publisher(topics) as publisher:
        for event in events:
            publisher.publish(event)
    records = read_all(topics.names.event_topics[0])
    assert len({record.partition() for record in records}) == 1
    decoder = EventDecoder()
    found = [decoder.decode(record.value() or b"").event_id for record in records]
    assert found == [str(event.meta.event_id) for event in events]


def test_the_trace_travels_in_a_header(topics: KafkaSettings, read_all: ReadAll) -> None:
    with Publisher(topics) as publisher:
        publisher.publish(fresh(), traceparent=TRACE)
    [record] = read_all(topics.names.event_topics[0])
    assert ("traceparent", TRACE.encode()) in (record.headers() or [])


def test_an_event_at_the_limit_arrives_and_one_over_it_is_refused_before_it_is_sent(
    topics: KafkaSettings, read_all: ReadAll
) -> None:
    with Publisher(topics) as publisher:
        publisher.publish(large(MOST_BYTES)).result(30)
        with pytest.raises(EventTooLarge):
            publisher.publish(large(MOST_BYTES + 1))
    assert len(read_all(topics.names.event_topics[0])) == 1


def test_a_full_buffer_makes_publishing_wait_and_nothing_is_lost(
    topics: KafkaSettings, read_all: ReadAll, monkeypatch: pytest.MonkeyPatch
) -> None:
    little_room(monkeypatch)
    with Publisher(topics) as publisher:
        full = 0
        for _ in range(300):
            try:
                publisher.publish_now(fresh())
            except BufferFull:
                full += 1
                publisher.publish(fresh())
    assert full
    assert len(read_all(topics.names.event_topics[0])) == 300


def test_without_room_for_too_long_publishing_ends_in_one_clear_line(
    away: KafkaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    little_room(monkeypatch)
    publisher = Publisher(away, delivery_timeout_s=60)
    monkeypatch.setattr(publisher, "_timeout_s", 0.3)
    with pytest.raises(KafkaUnavailable, match="the local buffer stayed full"):
        publish_for_ever(publisher)
    publisher.close(0)


def publish_for_ever(publisher: Publisher) -> None:
    while True:
        publisher.publish(fresh())


def test_flush_and_close_report_unacknowledged_records_during_an_outage(
    away: KafkaSettings,
) -> None:
    events = [fresh() for _ in range(3)]
    publisher = Publisher(away, delivery_timeout_s=2)
    futures = [publisher.publish(event) for event in events]
    assert publisher.flush(0) == 3
    assert publisher.flush() == 3
    with pytest.raises(KafkaUnavailable, match="refused"):
        futures[0].result(0)
    assert publisher.flush() == 0  # told once
    assert publisher.close() == 0


def test_leaving_the_context_without_acknowledgement_raises(away: KafkaSettings) -> None:
    with (
        pytest.raises(ProducerClosed, match="1 events are not acknowledged"),
        Publisher(away, delivery_timeout_s=1) as publisher,
    ):
        publisher.publish(fresh())


def test_an_error_inside_the_context_is_not_hidden_by_missing_acknowledgements(
    away: KafkaSettings,
) -> None:
    def fail() -> None:
        with Publisher(away, delivery_timeout_s=1) as publisher:
            publisher.publish(fresh())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()


def test_no_setting_means_one_line_that_names_it() -> None:
    with pytest.raises(SettingsError, match="KAFKA_BOOTSTRAP_SERVERS: not set"):
        Publisher()


async def test_many_at_once_are_awaited_each_with_its_own_ack(
    topics: KafkaSettings, read_all: ReadAll
) -> None:
    events = [fresh() for _ in range(200)]
    async with AsyncPublisher(topics) as publisher:
        acks = await asyncio.gather(*(publisher.publish(event) for event in events))
        assert await publisher.flush() == 0
    assert len({(ack.partition, ack.offset) for ack in acks}) == 200
    assert len(read_all(topics.names.event_topics[0])) == 200


async def test_a_full_buffer_is_awaited_without_blocking_the_loop(
    topics: KafkaSettings, read_all: ReadAll, monkeypatch: pytest.MonkeyPatch
) -> None:
    little_room(monkeypatch)
    async with AsyncPublisher(topics) as publisher:
        await asyncio.gather(*(publisher.publish(fresh()) for _ in range(200)))
    assert len(read_all(topics.names.event_topics[0])) == 200


async def test_awaiting_raises_the_failure(away: KafkaSettings) -> None:
    publisher = AsyncPublisher(away, delivery_timeout_s=1)
    with pytest.raises(KafkaUnavailable, match="refused"):
        await publisher.publish(fresh())
    with pytest.raises(EventTooLarge):
        await publisher.publish(large(MOST_BYTES + 1))
    assert await publisher.close() == 1


async def test_a_caller_that_stops_waiting_withdraws_nothing(
    topics: KafkaSettings, read_all: ReadAll
) -> None:
    async with AsyncPublisher(topics) as publisher:
        await publisher.publish(fresh())
        waiting = asyncio.create_task(publisher.publish(fresh()))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    assert len(read_all(topics.names.event_topics[0])) == 2
