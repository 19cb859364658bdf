"""The contract of publishers: the real one, and the one that services test with."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from plaudit.events.decoding import EventDecoder
from plaudit.kafka.errors import BufferFull, KafkaUnavailable, ProducerClosed
from plaudit.kafka.settings import KafkaSettings
from plaudit.publish import (
    AsyncPublisher,
    BatchTooLarge,
    EventTooLarge,
    Fenced,
    OptionRefused,
    Publisher,
    TransactionAborted,
)
from plaudit.publish.batch import MOST_EVENTS
from plaudit.publish.prepare import MOST_BYTES
from plaudit.publish.testing import RecordingAsyncPublisher, RecordingPublisher
from publish.conftest import read_topic
from publish.test_prepare import TRACE, large
from publish.test_publisher import fresh

pytestmark = pytest.mark.broker


class Both:
    """A publisher and what came of it."""

    def __init__(self, settings: KafkaSettings, *, real: bool) -> None:
        self.settings = settings
        self.publisher = (
            Publisher(settings, transactional_id="contract")
            if real
            else RecordingPublisher(settings)
        )

    def arrived(self) -> list[str]:
        """Return the ids of what is there, in order."""
        if isinstance(self.publisher, RecordingPublisher):
            values = [record.value for record in self.publisher.records]
        else:
            messages = read_topic(self.settings, self.settings.names.event_topics[0])
            values = [message.value() or b"" for message in messages]
        decoder = EventDecoder()
        return [decoder.decode(value).event_id for value in values]


@pytest.fixture(params=["real", "recording"])
def both(request: pytest.FixtureRequest, topics: KafkaSettings) -> Iterator[Both]:
    made = Both(topics, real=request.param == "real")
    yield made
    made.publisher.close()


def test_acknowledged_records_are_in_the_topic(both: Both) -> None:
    events = [fresh() for _ in range(5)]
    acks = [both.publisher.publish(event).result(30) for event in events]
    assert {ack.topic for ack in acks} == {both.settings.names.event_topics[0]}
    assert both.arrived() == [str(event.meta.event_id) for event in events]
    assert both.publisher.flush() == 0


def test_unacceptable_records_are_refused_before_sending(both: Both) -> None:
    with pytest.raises(EventTooLarge):
        both.publisher.publish(large(MOST_BYTES + 1))
    with pytest.raises(OptionRefused, match="traceparent"):
        both.publisher.publish(fresh(), traceparent="nonsense")
    assert both.arrived() == []


def test_a_transaction_is_complete(both: Both) -> None:
    events = [fresh() for _ in range(20)]
    with both.publisher.transaction() as batch:
        for event in events:
            batch.publish(event, traceparent=TRACE)
    assert both.arrived() == [str(event.meta.event_id) for event in events]
    with both.publisher.transaction():
        pass  # a publisher need not publish anything


def test_records_of_a_failed_transaction_are_not_visible(both: Both) -> None:
    def publish_too_much() -> None:
        with both.publisher.transaction() as batch:
            batch.publish(fresh())
            batch.publish(large(MOST_BYTES + 1))

    with pytest.raises(EventTooLarge):
        publish_too_much()
    assert both.arrived() == []
    with both.publisher.transaction() as batch:
        batch.publish(fresh())
    assert len(both.arrived()) == 1


def test_a_transaction_is_bounded(both: Both) -> None:
    event = fresh()

    def publish(count: int) -> None:
        with both.publisher.transaction() as batch:
            for _ in range(count):
                batch.publish(event)

    with pytest.raises(BatchTooLarge, match="at most 1,000 events"):
        publish(MOST_EVENTS + 1)
    assert both.arrived() == []


def test_a_transaction_needs_a_name(topics: KafkaSettings) -> None:
    for publisher in (Publisher(topics), RecordingPublisher(topics, transactional_id=None)):
        with publisher, pytest.raises(OptionRefused, match="not given"):
            publisher.transaction().__enter__()
    for make in (Publisher, RecordingPublisher):
        with pytest.raises(OptionRefused, match="letters"):
            make(topics, transactional_id="two words")


def test_taking_a_transactional_id_aborts_the_other_holders_transaction(
    topics: KafkaSettings,
) -> None:
    def publish(publisher: Publisher) -> None:
        with publisher.transaction() as batch:
            batch.publish(fresh())

    with (
        Publisher(topics, transactional_id="one") as first,
        Publisher(topics, transactional_id="one") as second,
        Publisher(topics, transactional_id="two") as other,
    ):
        publish(first)
        publish(second)
        with pytest.raises(Fenced):
            publish(first)
        publish(second)
        publish(other)
    assert len(read_topic(topics, topics.names.event_topics[0])) == 4


def test_nothing_is_taken_after_the_end(both: Both) -> None:
    both.publisher.close()
    with pytest.raises(ProducerClosed):
        both.publisher.publish(fresh())


async def test_both_asyncio_publishers_behave_alike(topics: KafkaSettings) -> None:
    real = AsyncPublisher(topics, transactional_id="async")
    for publisher in (real, RecordingAsyncPublisher(topics)):
        async with publisher:
            await publisher.publish(fresh())
            async with publisher.transaction() as batch:
                await batch.publish(fresh())
                await batch.publish(fresh())
            with pytest.raises(EventTooLarge):
                async with publisher.transaction() as batch:
                    await batch.publish(large(MOST_BYTES + 1))
        if isinstance(publisher, RecordingAsyncPublisher):
            assert len(publisher.recording.records) == 3
    assert len(read_topic(topics, topics.names.event_topics[0])) == 3


def test_failures_can_be_tried() -> None:
    publisher = RecordingPublisher()
    publisher.fail(KafkaUnavailable("publish", "a drill"))
    with pytest.raises(KafkaUnavailable, match="a drill"):
        publisher.publish(fresh()).result(0)
    assert publisher.flush() == 1, "as the real one tells it"
    publisher.fail(BufferFull("publish"), times=2)
    with pytest.raises(BufferFull):
        publisher.publish_now(fresh())
    event = fresh()
    publisher.publish(event, traceparent=TRACE).result(0)  # waits for room
    assert publisher.events == [event]
    assert publisher.records[0].traceparent == TRACE
    publisher.fail(TransactionAborted("commit"))
    with pytest.raises(TransactionAborted):
        publish_in_transaction(publisher)
    assert publisher.events == [event]
    publisher.clear()
    publish_in_transaction(publisher)
    assert len(publisher.events) == 1


def publish_in_transaction(publisher: Publisher) -> None:
    with publisher.transaction() as batch:
        batch.publish(fresh())


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_producer_created_before_a_fork_raises_in_the_child(topics: KafkaSettings) -> None:
    publisher = Publisher(topics, transactional_id="forked")
    publish_in_transaction(publisher)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            publish_in_transaction(publisher)
        except BaseException as error:  # noqa: BLE001 - a child must not come back into pytest
            os.write(writer, type(error).__name__.encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reader, 100) == b"UsedAfterFork"
    publish_in_transaction(publisher)
    publisher.close()
