"""Every record that the producer takes is answered, with the truth."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
from contextlib import suppress

import pytest

from conftest import MakeTopic
from plaudit.kafka.errors import (
    BufferFull,
    KafkaUnavailable,
    ProducerClosed,
    RecordTooLarge,
    SettingsError,
)
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.write.producer import Ack, Producer, ProducerConfig, SendFailure
from waiting import until

pytestmark = pytest.mark.broker
either = pytest.mark.parametrize("has_thread", [True, False], ids=["thread", "no thread"])


@either
def test_every_record_is_acknowledged_once_with_its_place(
    settings: KafkaSettings, make_topic: MakeTopic, *, has_thread: bool
) -> None:
    topic = make_topic(message_timestamp_type="LogAppendTime")
    outcomes: list[Ack | SendFailure] = []
    with Producer(settings, ProducerConfig(has_thread=has_thread)) as producer:
        for number in range(500):
            producer.send(topic, b"%d" % number, on_ack=outcomes.append)
        assert producer.flush(20) == 0
    acks = [each for each in outcomes if isinstance(each, Ack)]
    assert [ack.offset for ack in acks] == list(range(500))
    assert len(outcomes) == 500
    assert all(ack.topic == topic and ack.timestamp_ms > 0 for ack in acks)


def test_headers_key_and_a_chosen_partition_arrive(
    settings: KafkaSettings, make_topic: MakeTopic
) -> None:
    topic = make_topic(partitions=3)
    with Producer(settings) as producer:
        ack = producer.publish(topic, None, b"key", [("a", b"1"), ("a", b"2")], 2).result(20)
    assert (ack.partition, ack.offset) == (2, 0)


def test_a_key_chooses_the_partition_that_java_producers_choose(
    settings: KafkaSettings, make_topic: MakeTopic
) -> None:
    """The hashes are those of the tests of Kafka's own `Utils.murmur2`."""
    topic = make_topic(partitions=12)
    hashes = {b"21": -973932308, b"foobar": -790332482, b"a-little-bit-long-string": -985981536}
    with Producer(settings) as producer:
        for key, murmur2 in hashes.items():
            ack = producer.publish(topic, b"", key).result(20)
            assert ack.partition == (murmur2 & 0x7FFFFFFF) % 12


def test_a_record_over_the_producers_limit_fails_permanently_without_a_request(
    away: KafkaSettings,
) -> None:
    producer = Producer(away)
    future = producer.publish("topic", b"x" * 3 * 1024 * 1024)
    with pytest.raises(RecordTooLarge) as caught:
        future.result(10)
    assert caught.value.retriable is False
    producer.close(0)


def test_a_record_over_the_topics_limit_fails_alone(
    settings: KafkaSettings, make_topic: MakeTopic
) -> None:
    topic = make_topic(max_message_bytes="2000000")
    with Producer(settings) as producer:
        small = [producer.publish(topic, b"small") for _ in range(20)]
        large = producer.publish(topic, os.urandom(2_050_000))
        more = [producer.publish(topic, b"small") for _ in range(20)]
        with pytest.raises(RecordTooLarge, match="MSG_SIZE_TOO_LARGE"):
            large.result(20)
        assert len({future.result(20).offset for future in small + more}) == 40


@either
def test_a_full_buffer_refuses_records_and_close_reports_accepted_ones(
    away: KafkaSettings, *, has_thread: bool
) -> None:
    outcomes: list[Ack | SendFailure] = []
    producer = Producer(away, ProducerConfig(buffer_kbytes=64, has_thread=has_thread))
    taken = 0
    with suppress(BufferFull):
        while taken < 1_000:
            producer.send("topic", b"x" * 1_000, on_ack=outcomes.append)
            taken += 1
    assert 0 < taken < 100
    # librdkafka counts the reports of failed connections until they are served, too.
    until(lambda: producer.flush(0.1) == taken, "no report is queued")
    until(lambda: not producer.wait_for_progress(0.1), "no report is served meanwhile")
    assert producer.close(0.1) >= taken
    assert len(outcomes) == taken
    for outcome in outcomes:
        assert isinstance(outcome, SendFailure)
        assert isinstance(outcome.error, ProducerClosed)


def test_while_brokers_stay_unavailable_a_record_fails_with_the_connections_error(
    away: KafkaSettings,
) -> None:
    with Producer(away, ProducerConfig(delivery_timeout_ms=1_000)) as producer:
        with pytest.raises(KafkaUnavailable, match="refused") as caught:
            producer.publish("topic", b"x").result(20)
        assert caught.value.retriable
        assert "\n" not in str(caught.value)


def test_leaving_with_records_unacknowledged_raises(away: KafkaSettings) -> None:
    producer = Producer(away)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(producer, "close", lambda: Producer.close(producer, 0.1))
        with pytest.raises(ProducerClosed, match="1 records are not acknowledged"), producer:
            producer.publish("topic", b"x")


def test_a_closed_producer_refuses_and_closes_twice(away: KafkaSettings) -> None:
    producer = Producer(away)
    assert producer.close() == 0
    assert producer.close() == 0
    with pytest.raises(ProducerClosed):
        producer.publish("topic", b"x")


def test_without_a_thread_reports_come_where_they_are_asked_for(away: KafkaSettings) -> None:
    heard: list[int] = []
    producer = Producer(away, ProducerConfig(has_thread=False))
    too_large = b"x" * 3 * 1024 * 1024
    producer.send("t", too_large, on_ack=lambda _: heard.append(threading.get_ident()))
    assert heard == []
    producer.serve()
    assert heard == [threading.get_ident()]
    assert producer.close() == 0


def test_a_callback_that_raises_does_not_suppress_other_reports(
    settings: KafkaSettings, make_topic: MakeTopic, caplog: pytest.LogCaptureFixture
) -> None:
    topic = make_topic()
    later = threading.Event()

    def fail(_: object) -> None:
        raise ZeroDivisionError

    with Producer(settings) as producer:
        producer.send(topic, b"1", on_ack=fail)
        producer.send(topic, b"2", on_ack=lambda _: later.set())
        assert later.wait(20)
    assert "producer.callback_failed" in caplog.text


def test_settings_that_correctness_needs_can_not_be_changed() -> None:
    settings = KafkaSettings.model_validate(
        {"bootstrap_servers": "127.0.0.1:1", "properties": {"acks": "1"}}
    )
    with pytest.raises(SettingsError, match="PLAUDIT_KAFKA_ACKS: Plaudit needs acks=all"):
        Producer(settings)


def test_a_child_process_is_refused_a_producer_of_its_parent(
    settings: KafkaSettings, make_topic: MakeTopic
) -> None:
    script = f"""
        import os
        from plaudit.kafka.errors import UsedAfterFork
        from plaudit.kafka.write.producer import Producer
        from plaudit.kafka.settings import KafkaSettings

        settings = KafkaSettings(bootstrap_servers={settings.bootstrap_servers!r})
        topic = {make_topic()!r}
        producer = Producer(settings)
        producer.publish(topic, b"parent").result(20)
        if os.fork() == 0:
            for use in (lambda: producer.publish(topic, b"x"), lambda: producer.flush(1)):
                try:
                    use()
                except UsedAfterFork:
                    continue
                os._exit(1)
            with Producer(settings) as own:
                offset = own.publish(topic, b"child").result(20).offset
            os._exit(10 + offset)
        _, status = os.wait()
        producer.publish(topic, b"parent").result(20)
        producer.close()
        print(os.waitstatus_to_exitcode(status))
    """
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.strip() == "11"
