"""Dead letters are listed as they stand: tombstones honored, filters applied, events readable."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator, Mapping

import pytest

from attempts import failed
from command import CommandLine
from dlq.generate import ENDPOINTS, WORKSPACE
from plaudit.dlq.letters.letter import Kind
from plaudit.dlq.letters.reader import Letters, count
from plaudit.events.encoding import encode
from plaudit.events.examples import example
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.write.producer import Producer
from plaudit.records.attempt import encode_attempt
from plaudit.records.names import Header

pytestmark = pytest.mark.broker

EVENT = example("testimonial.approved")
DAY_MS = 86_400_000


def headers(key: str, given: Mapping[str, str]) -> list[tuple[str, bytes]]:
    """Return the headers of a dead letter, as deliverers write them."""
    all_of_them = {
        "ce_id": str(EVENT.meta.event_id),
        "ce_type": "testimonial.approved",
        Header.DELIVERY_ID: key,
        Header.ENDPOINT_ID: ENDPOINTS[0],
        Header.WORKSPACE_ID: WORKSPACE,
        Header.REASON: "exhausted",
        Header.ATTEMPT: "10",
        Header.LAST_STATUS: "503",
        Header.LAST_ERROR: "no answer",
        **given,
    }
    return [(name, value.encode()) for name, value in all_of_them.items()]


class Writer:
    """Writes dead letters, and takes them away."""

    def __init__(self, settings: KafkaSettings, producer: Producer) -> None:
        self._topic = settings.names.dlq_deliveries
        self._producer = producer

    def letter(self, value: bytes | None = None, key: str = "", **given: str) -> str:
        """Write one; return its key."""
        key = key or str(uuid.uuid4())
        named = {getattr(Header, name.upper(), name): text for name, text in given.items()}
        self._write(key, encode(EVENT) if value is None else value, headers(key, named))
        return key

    def tombstone(self, key: str) -> None:
        """Take one away."""
        self._write(key, None, [])

    def _write(self, key: str, value: bytes | None, given: list[tuple[str, bytes]]) -> None:
        self._producer.publish(self._topic, value, key.encode(), given).result(30)


@pytest.fixture
def write(topics: KafkaSettings) -> Iterator[Writer]:
    """Dead letters of this test."""
    with Producer(topics) as producer:
        yield Writer(topics, producer)


def keys(settings: KafkaSettings) -> list[str]:
    with Letters(settings, Kind.DELIVERIES) as letters:
        return [letter.id for letter in letters.read()]


def test_letters_before_a_tombstone_are_not_listed_and_later_ones_are(
    topics: KafkaSettings, write: Writer
) -> None:
    kept, taken = write.letter(), write.letter()
    write.tombstone(taken)
    assert keys(topics) == [kept]
    write.letter(key=taken)  # dead once more, after a redrive
    assert sorted(keys(topics)) == sorted([kept, taken])


def test_the_later_of_two_letters_with_one_key_counts(topics: KafkaSettings, write: Writer) -> None:
    key = write.letter()
    write.letter(key=key, reason="expired")
    with Letters(topics, Kind.DELIVERIES) as letters:
        [letter] = letters.read()
    assert letter.summary()["reason"] == "expired"


def test_an_empty_topic_has_no_letters(topics: KafkaSettings) -> None:
    assert keys(topics) == []
    listed = CommandLine(topics)("dlq", "list")
    assert (listed.code, listed.err) == (0, "no dead letters\n")


def test_an_uncommitted_transaction_neither_hides_nor_shows(
    topics: KafkaSettings, write: Writer
) -> None:
    """Reading ends where open transactions begin, and does not wait for them."""
    from confluent_kafka import Producer as Client  # noqa: PLC0415 - what no wrapper of ours does

    key = write.letter()
    client = Client(
        {
            "bootstrap.servers": topics.bootstrap_servers,
            "transactional.id": topics.names.dlq_transactional_id,
        }
    )
    client.init_transactions(30)
    client.begin_transaction()
    client.produce(topics.names.dlq_deliveries, None, key.encode())
    client.flush(30)
    assert keys(topics) == [key]
    client.abort_transaction(30)
    assert keys(topics) == [key]


def test_letters_are_listed_as_one_json_object_a_line(topics: KafkaSettings, write: Writer) -> None:
    key = write.letter()
    [listed] = CommandLine(topics)("dlq", "list", "--json").json
    assert listed.pop("dead_at").endswith("Z")
    assert listed == {
        "delivery_id": key,
        "endpoint_id": ENDPOINTS[0],
        "event_id": str(EVENT.meta.event_id),
        "event_type": "testimonial.approved",
        "workspace_id": WORKSPACE,
        "reason": "exhausted",
        "attempts": 10,
        "redrives": 0,
        "last_status": 503,
        "last_error": "no answer",
    }


def test_filters_and_the_limit_choose_letters(topics: KafkaSettings, write: Writer) -> None:
    plain = write.letter()
    others = {
        "--endpoint": (ENDPOINTS[1], write.letter(endpoint_id=ENDPOINTS[1])),
        "--workspace": (ENDPOINTS[2], write.letter(workspace_id=ENDPOINTS[2])),
        "--reason": ("gone", write.letter(reason="gone")),
        "--type": ("form.completed", write.letter(ce_type="form.completed")),
    }
    plaudit = CommandLine(topics)
    for option, (value, key) in others.items():
        found = plaudit("dlq", "list", option, value, "--json").json
        assert [each["delivery_id"] for each in found] == [key], option
    both = plaudit("dlq", "list", "--reason", "gone", "--endpoint", ENDPOINTS[1], "--json")
    assert (both.code, both.out) == (0, "")
    assert len(plaudit("dlq", "list", "--limit", "3", "--json").json) == 3
    assert len(plaudit("dlq", "list", "--until", "2020-01-01", "--json").json) == 0
    assert len(plaudit("dlq", "list", "--since", "2020-01-01T00:00:00Z", "--json").json) == 5
    assert plain[:8] in plaudit("dlq", "list").out


def test_one_letter_is_shown_with_its_history_and_event(
    topics: KafkaSettings, write: Writer
) -> None:
    write.letter()
    key = write.letter(first_attempt_at="1764000000000")
    shown = CommandLine(topics)("dlq", "show", key)
    assert shown.code == 0
    assert "2025-11-24T16:00:00.000Z" in shown.out
    assert "no answer" in shown.out
    [found] = CommandLine(topics)("dlq", "show", key, "--json").json
    assert found["delivery_id"] == key
    event = found["event"] if isinstance(found["event"], dict) else json.loads(found["event"])
    assert event["type"] == "testimonial.approved"


def test_a_missing_letter_is_reported_in_one_line(topics: KafkaSettings) -> None:
    told = CommandLine(topics)("dlq", "show", "nothing")
    assert (told.code, told.err.count("\n")) == (1, 1)
    assert "dead letter 'nothing' does not exist" in told.err


@pytest.mark.parametrize("digits", [8, 36])
def test_a_letter_that_was_retried_is_not_shown_as_unknown(
    topics: KafkaSettings, write: Writer, digits: int
) -> None:
    key = write.letter()
    write.tombstone(key)
    told = CommandLine(topics)("dlq", "show", key[:digits])
    assert (told.code, told.err.count("\n")) == (1, 1)
    assert f"dead letter {key} was retried or purged at 20" in told.err
    assert f"`plaudit deliveries show {key}`" in told.err


def test_bytes_that_are_not_an_event_are_shown_unchanged(
    topics: KafkaSettings, write: Writer
) -> None:
    shown = CommandLine(topics)("dlq", "show", write.letter(b"\xde\xad\xbe\xef"))
    assert shown.code == 0
    assert "unknown_format" in shown.out
    assert "de ad be ef" in shown.out


def test_letters_that_expire_soon_are_counted(topics: KafkaSettings, write: Writer) -> None:
    write.letter()
    write.tombstone(write.letter())
    with Letters(topics, Kind.DELIVERIES) as letters:
        [letter] = letters.read()
    early = count(topics, Kind.DELIVERIES, letter.dead_at_ms + 17 * DAY_MS)
    late = count(topics, Kind.DELIVERIES, letter.dead_at_ms + 19 * DAY_MS)
    assert (early.alive, early.expiring) == (1, 0)
    assert (late.alive, late.expiring) == (1, 1)


def test_a_missing_topic_is_reported_in_one_line(settings: KafkaSettings) -> None:
    told = CommandLine(settings)("dlq", "list")
    assert (told.code, told.err.count("\n")) == (1, 1)
    assert "plaudit topics check" in told.err


def test_a_letter_is_shown_with_its_attempts_from_the_log(installation: KafkaSettings) -> None:
    with Producer(installation) as producer:
        key = Writer(installation, producer).letter(first_attempt_at="1764000000000")
        now_ms = int(time.time() * 1_000)
        for number, mine in ((2, key), (1, key), (7, "another delivery")):
            line = encode_attempt(
                failed(
                    delivery_id=mine,
                    endpoint_id=ENDPOINTS[0],
                    number=number,
                    started_at=now_ms + number,
                )
            )
            producer.publish(installation.names.attempts, line, ENDPOINTS[0].encode()).result(30)
    [found] = CommandLine(installation)("dlq", "show", key, "--history", "--json").json
    assert [each["number"] for each in found["history"]] == [1, 2]
    assert "status" in CommandLine(installation)("dlq", "show", key, "--history").out
