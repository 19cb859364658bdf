"""Headers that the client can't read break nothing that looks at them."""

from __future__ import annotations

import pytest
from confluent_kafka import Consumer, Message, TopicPartition

from conftest import MakeTopic
from deliver.world import assignment
from plaudit.deliver.offsets.assignment import Record
from plaudit.dlq.letters.letter import letter_of
from plaudit.kafka.read.headers import HeadersUnreadable, headers_of, readable_headers
from plaudit.kafka.read.record_reader import RecordReader
from plaudit.kafka.settings import KafkaSettings
from raw_records import NOT_UTF8, write_raw

pytestmark = pytest.mark.broker

COUNT = 60


@pytest.fixture
def read(settings: KafkaSettings, make_topic: MakeTopic) -> tuple[str, list[Message]]:
    """Return a topic with records whose headers can't be read, and the records."""
    topic = make_topic(partitions=1)
    headers = [(b"a", b"1"), (NOT_UTF8, b"2")]
    write_raw(settings.bootstrap_servers, topic, 0, b"v", b"k", headers, COUNT)
    client = Consumer({"bootstrap.servers": settings.bootstrap_servers, "group.id": topic})
    client.assign([TopicPartition(topic, 0, 0)])
    messages = client.consume(COUNT, 30)
    client.close()
    assert [each.error() for each in messages] == [None] * COUNT
    return topic, messages


def test_a_header_name_that_is_not_utf8_does_not_stop_the_lane(
    settings: KafkaSettings, read: tuple[str, list[Message]]
) -> None:
    topic, [first, second, third, fourth, *more] = read
    for each in more:  # a call that is hot is made in another way
        assert readable_headers(each) == []
    with pytest.raises(HeadersUnreadable, match="not UTF-8"):
        headers_of(first)
    assert readable_headers(second) == []
    record = Record(assignment(), 0, 0, b"v", third)
    for _ in range(3):  # the client would end the process when it is asked again
        assert record.headers() == []
    with pytest.raises(HeadersUnreadable):
        record.needed_headers()
    letter = letter_of(fourth)
    assert (letter.headers, letter.readable, letter.key, letter.value) == ([], False, b"k", b"v")
    assert letter.summary()["delivery_id"] == "k"
    with RecordReader(settings) as reader:
        found = reader.read(topic, 0, 0)
    assert found is not None
    assert (found.value, found.headers) == (b"v", [])
