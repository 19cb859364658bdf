"""What is sent again, where to, and what stays where it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from command import CommandLine
from dlq.conftest import announce, disable, left, seed, sent
from dlq.generate import ENDPOINTS, letters, write
from dlq.rig import UNBOUND
from plaudit.bulk.control import Control
from plaudit.dlq.job import Order, redrive
from plaudit.dlq.letters import Kind
from plaudit.dlq.reading import BoundedReader
from plaudit.kafka.producer import Producer
from plaudit.kafka.settings import KafkaSettings
from plaudit.records.names import Header

pytestmark = pytest.mark.broker


def test_filters_max_and_a_dry_run_choose_what_goes(installation: KafkaSettings) -> None:
    seed(installation, 100)
    plaudit = CommandLine(installation)
    looked = plaudit("dlq", "redrive", "--reason", "gone")
    assert (looked.code, sent(installation).total()) == (0, 0)
    assert "20 of 100" in looked.err
    assert "--yes" in looked.err
    chosen = ["--reason", "expired", "--endpoint", ENDPOINTS[3], "--max", "7", "--yes", "--json"]
    [report] = plaudit("dlq", "redrive", *chosen).json
    assert (report["matched"], report["moved"], report["complete"]) == (10, 7, True)
    assert report["counts"]["reason"] == {"expired": 7}
    assert left(installation) == 93
    none = plaudit("dlq", "redrive", "--reason", "rejected", "--yes")
    assert (none.code, sent(installation).total()) == (0, 7)
    assert "there are 93: exhausted 60" in none.err


def test_ids_from_a_file_choose_letters(installation: KafkaSettings, tmp_path: Path) -> None:
    seed(installation, 50)
    made = list(letters(50))
    ids = tmp_path / "ids"
    event_id = dict(made[9].headers)["ce_id"].decode()
    ids.write_text(f"# two of them\n{made[4].key.decode()}\n\n{event_id}\n")
    done = CommandLine(installation)("dlq", "redrive", "--ids", str(ids), "--yes")
    assert done.code == 0, done.err
    assert set(sent(installation)) == {made[4].key, made[9].key}


def test_disabled_and_deleted_endpoints_are_refused_with_the_way_out(
    installation: KafkaSettings,
) -> None:
    gone = "99999999-9999-4999-8999-999999999999"
    seed(installation, 6, [ENDPOINTS[0], ENDPOINTS[1], gone])
    disable(installation, ENDPOINTS[0])
    plaudit = CommandLine(installation)
    refused = plaudit("dlq", "redrive", "--endpoint", ENDPOINTS[0], "--yes")
    assert refused.code == 1
    assert "plaudit endpoints enable" in refused.err
    [report] = plaudit("dlq", "redrive", "--yes", "--json").json
    assert report["moved"] == 2
    assert report["skipped"] == {"endpoint_disabled": 2, "endpoint_unknown": 2}
    assert left(installation) == 4
    elsewhere = plaudit("dlq", "redrive", "--endpoint", gone, "--to", ENDPOINTS[1], "--yes")
    assert elsewhere.code == 0, elsewhere.err
    assert left(installation) == 2
    for wrong, said in ((ENDPOINTS[0], "is disabled"), (gone, "no endpoint")):
        told = plaudit("dlq", "redrive", "--to", wrong, "--yes")
        assert (told.code, told.err.count("\n")) == (2, 1)
        assert said in told.err


def test_another_endpoint_must_be_of_the_same_workspace(installation: KafkaSettings) -> None:
    foreign = "88888888-8888-4888-8888-888888888888"
    announce(installation, foreign, workspace=foreign)
    seed(installation, 3)
    told = CommandLine(installation)("dlq", "redrive", "--to", foreign, "--yes")
    assert told.code == 1
    assert "within the workspace" in told.err
    assert (left(installation), sent(installation).total()) == (3, 0)


def test_carousels_are_parked(installation: KafkaSettings) -> None:
    made = next(letters(1))
    often = [(n, b"5" if n == Header.REDRIVES else v) for n, v in made.headers]
    write(installation, iter([type(made)(made.key, often, made.value)]))
    parked = CommandLine(installation)("dlq", "redrive", "--yes")
    assert (parked.code, left(installation)) == (1, 1)
    assert "--max-redrives" in parked.err
    assert CommandLine(installation)("dlq", "redrive", "--yes", "--max-redrives", "9").code == 0


def test_a_letter_at_the_size_limit_goes_and_one_that_is_refused_stays_alone(
    installation: KafkaSettings,
) -> None:
    made = list(letters(3))
    limit = 1_088 * 1_024
    largest = limit - sum(len(n) + len(v) for n, v in made[0].headers) - len(made[0].key) - 300
    write(installation, iter([type(made[0])(made[0].key, made[0].headers, b"x" * largest)]))
    write(installation, iter(made[1:]))
    report = redrive(installation, Order(limits=UNBOUND), Control())
    assert (report.moved, report.complete) == (3, True)


def test_records_that_were_no_events_go_back_to_their_topic_with_key_and_bytes(
    installation: KafkaSettings,
) -> None:
    names = installation.names
    topic = names.event_topics[0]
    headers = [
        (Header.REASON, b"truncated"),
        (Header.ORIGIN_TOPIC, topic.encode()),
        (Header.ORIGIN_KEY, b"\xffkey"),
    ]
    with Producer(installation) as producer:
        key = f"{topic}:0:1".encode()
        producer.publish(names.dlq_events, b"\xc3\x01", key, headers).result(30)
    done = CommandLine(installation)("dlq", "redrive", "--kind", "events", "--yes")
    assert done.code == 0, done.err
    assert left(installation, Kind.EVENTS) == 0
    with BoundedReader(installation, f"{names.prefix}test") as reader:
        [message] = list(reader.read(reader.spans(topic)))
    assert (message.key(), message.value()) == (b"\xffkey", b"\xc3\x01")
    assert message.headers() == [(Header.REDRIVES, b"1")]
