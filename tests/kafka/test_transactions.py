"""Transactions: all of one or nothing, and one holder of its name."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from conftest import MakeTopic
from plaudit.kafka.errors import (
    Fenced,
    KafkaUnavailable,
    NotAuthorized,
    RecordTooLarge,
    TransactionAborted,
)
from plaudit.kafka.read.consumer import CommittedOffset, Partition
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.write.transactions import Transaction, TransactionalProducer

pytestmark = pytest.mark.broker


def reader(settings: KafkaSettings, group: str = "reader") -> Consumer:
    return Consumer(
        {
            "bootstrap.servers": settings.bootstrap_servers,
            "group.id": settings.topic_prefix + group,
            "enable.partition.eof": True,
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
        }
    )


def values(settings: KafkaSettings, topic: str) -> list[bytes | None]:
    """Return the committed records of a topic's only partition."""
    consumer = reader(settings)
    consumer.assign([TopicPartition(topic, 0, 0)])
    found = []
    while (message := consumer.poll(20)) is not None:
        if message.error() is not None:
            break
        found.append(message.value())
    consumer.close()
    return found


def write(
    producer: TransactionalProducer,
    topic: str,
    *records: bytes,
    then: Callable[[], None] = lambda: None,
) -> None:
    """Write records in a transaction; `then` happens while it is open."""
    with producer.transaction() as transaction:
        for record in records:
            transaction.send(topic, record)
        then()


def failing(
    producer: TransactionalProducer,
    topic: str,
    record: bytes,
    then: Callable[[Transaction], None] = lambda _: None,
) -> None:
    """Send a record in a transaction whose block ends with an exception."""
    with suppress(InterruptedError), producer.transaction() as transaction:
        transaction.send(topic, record)
        then(transaction)
        raise InterruptedError


@pytest.fixture
def name(settings: KafkaSettings) -> str:
    """A transactional id."""
    return f"{settings.topic_prefix}writer"


def test_a_transaction_is_complete_when_its_block_ends(
    settings: KafkaSettings, make_topic: MakeTopic, name: str
) -> None:
    topic = make_topic()
    with TransactionalProducer(settings, name) as producer:
        producer.fence()
        with producer.transaction() as transaction:
            assert [transaction.send(topic, b"%d" % n) for n in range(3)] == [0, 1, 2]
            assert values(settings, topic) == []
        assert values(settings, topic) == [b"0", b"1", b"2"]


def test_an_exception_leaves_nothing_behind_and_the_next_transaction_works(
    settings: KafkaSettings, make_topic: MakeTopic, name: str
) -> None:
    topic = make_topic()
    with TransactionalProducer(settings, name) as producer:
        producer.fence()
        failing(producer, topic, b"never")
        with producer.transaction() as transaction:
            transaction.send(topic, b"second")
    assert values(settings, topic) == [b"second"]


def test_a_second_holder_aborts_the_transaction_of_the_first_which_raises_fenced(
    settings: KafkaSettings, make_topic: MakeTopic, name: str
) -> None:
    topic = make_topic()
    with TransactionalProducer(settings, name) as first:
        first.fence()
        with TransactionalProducer(settings, name) as second:
            with pytest.raises(Fenced, match="another process"):
                write(first, topic, b"first", then=second.fence)
            write(second, topic, b"second")
        with pytest.raises(Fenced):
            write(first, topic, b"again")
    assert values(settings, topic) == [b"second"]


def test_a_record_that_is_refused_is_named_and_nothing_is_written(
    settings: KafkaSettings, make_topic: MakeTopic, name: str
) -> None:
    """Too large for the client, and for the topic: the client asks the brokers about the second."""
    topic = make_topic(max_message_bytes="10000")
    with TransactionalProducer(settings, name, max_record_bytes=50_000) as producer:
        producer.fence()
        with pytest.raises(TransactionAborted) as caught:
            write(producer, topic, b"fine", b"x" * 60_000)
        assert isinstance(caught.value.refused[1], RecordTooLarge)
        with pytest.raises(TransactionAborted) as caught:
            write(producer, topic, b"x" * 20_000)
        assert isinstance(caught.value.refused[0], RecordTooLarge)
        # The client may throw away the next one too, while it takes a new epoch: nothing is
        # refused then, and the same can be tried again.
        with suppress(TransactionAborted):
            write(producer, topic, b"fine")
        if not values(settings, topic):
            write(producer, topic, b"fine")
    assert values(settings, topic) == [b"fine"]


def test_offsets_are_committed_with_the_records_or_not_at_all(
    settings: KafkaSettings, make_topic: MakeTopic, name: str
) -> None:
    topic = make_topic()
    consumer = reader(settings, "progress")
    consumer.assign([TopicPartition(topic, 0, 0)])
    with TransactionalProducer(settings, name) as producer:
        producer.fence()
        group = consumer.consumer_group_metadata()
        with producer.transaction() as transaction:
            transaction.consumed(group, {Partition(topic, 0): CommittedOffset(5, "said")})
        failing(
            producer,
            topic,
            b"never",
            lambda it: it.consumed(group, {Partition(topic, 0): CommittedOffset(9, "")}),
        )
    [place] = consumer.committed([TopicPartition(topic, 0)], 20)
    consumer.close()
    assert (place.offset, place.metadata) == (5, "said")


def test_unavailable_brokers_are_reported_when_the_time_is_over(
    away: KafkaSettings, name: str
) -> None:
    with (
        TransactionalProducer(away, name, patience_s=0.5) as producer,
        pytest.raises(KafkaUnavailable, match=r"127\.0\.0\.1:1"),
    ):
        producer.fence()


def test_a_denied_call_fails_at_once_even_if_the_client_calls_it_retriable(
    away: KafkaSettings, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with TransactionalProducer(away, name) as producer:
        calls: list[float] = []

        class Refusing:
            """Client whose user has lost a right."""

            def init_transactions(self, timeout_s: float) -> None:
                calls.append(timeout_s)
                code = KafkaError.GROUP_AUTHORIZATION_FAILED
                raise KafkaException(KafkaError(code, "no", retriable=True))

            def poll(self, _: float) -> int:
                return 0

        with monkeypatch.context() as patched:
            patched.setattr(producer, "_client", Refusing())
            with pytest.raises(NotAuthorized):
                producer.fence()
    assert len(calls) == 1
