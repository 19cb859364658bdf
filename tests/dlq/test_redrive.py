"""Dead letters are sent again exactly once each, whatever is killed, fenced or restarted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from command import CommandLine
from dlq.conftest import announce, disable, left, make_topics, seed, sent
from dlq.generate import ENDPOINTS, WORKSPACE, letters, write
from plaudit.dev.kafka_local import LocalKafka
from plaudit.dlq.control import Control
from plaudit.dlq.filters import Asked, parse
from plaudit.dlq.job import FENCED, Order, redrive
from plaudit.dlq.letters import Kind
from plaudit.dlq.mover import Limits
from plaudit.dlq.moves import Skip
from plaudit.dlq.reading import BoundedReader
from plaudit.dlq.report import Report
from plaudit.dlq.scan import Letters
from plaudit.kafka.declaration import Section
from plaudit.kafka.producer import Producer
from plaudit.kafka.settings import KafkaSettings
from plaudit.records.attempt import AttemptRecord, encode_attempt
from plaudit.records.names import Header

pytestmark = pytest.mark.broker

PLAUDIT = Path(sys.executable).with_name("plaudit")
UNBOUND = Limits(lag_cap=0)
SOON_S = 60.0


def end_of(settings: KafkaSettings) -> int:
    """Return how far `deliveries.now` has grown."""
    with BoundedReader(settings, f"{settings.topic_prefix}test") as reader:
        return sum(high for _, high in reader.spans(settings.names.deliveries_now).values())


def wait(reached: Callable[[], bool]) -> None:
    """Wait for something that a job does."""
    deadline = time.monotonic() + SOON_S
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def start(settings: KafkaSettings, *arguments: str) -> subprocess.Popen[str]:
    """Start `plaudit dlq redrive` as a process of its own."""
    environment = {
        **os.environ,
        "KAFKA_BOOTSTRAP_SERVERS": settings.bootstrap_servers,
        "PLAUDIT_TOPIC_PREFIX": settings.topic_prefix,
    }
    command = [PLAUDIT, "dlq", "redrive", "--yes", "--lag-cap", "0", *arguments]
    return subprocess.Popen(
        [str(each) for each in command], env=environment, stderr=subprocess.PIPE, text=True
    )


def in_thread(
    settings: KafkaSettings, order: Order
) -> tuple[Control, threading.Thread, list[Report]]:
    """Start a job in this process; what it reports is put into the list."""
    control, reports = Control(), list[Report]()
    thread = threading.Thread(target=lambda: reports.append(redrive(settings, order, control)))
    thread.start()
    return control, thread, reports


def test_ten_thousand_letters_are_sent_once_each_by_a_job_that_is_killed_again_and_again(
    installation: KafkaSettings,
) -> None:
    seed(installation, 10_000)
    for _ in range(4):
        before = end_of(installation)
        job = start(installation, "--rate", "4000")
        wait(lambda: end_of(installation) > before + 500)  # noqa: B023 - called at once
        job.kill()
        job.communicate()
        assert left(installation) > 0
    last = start(installation)
    _, said = last.communicate(timeout=SOON_S)
    assert last.returncode == 0, said
    deliveries = sent(installation)
    assert len(deliveries) == 10_000
    assert set(deliveries.values()) == {1}
    assert left(installation) == 0


def test_a_second_job_fences_the_first_which_says_so_and_exits_1(
    installation: KafkaSettings,
) -> None:
    seed(installation, 3_000)
    first = start(installation, "--rate", "500")
    wait(lambda: end_of(installation) > 0)
    second = redrive(installation, Order(limits=UNBOUND), Control())
    _, said = first.communicate(timeout=SOON_S)
    assert first.returncode == 1
    assert FENCED in said
    assert "Traceback" not in said
    assert second.complete
    deliveries = sent(installation)
    assert (len(deliveries), set(deliveries.values()), left(installation)) == (3_000, {1}, 0)


def test_sigterm_ends_a_job_after_its_batch_and_the_next_one_goes_on(
    installation: KafkaSettings,
) -> None:
    seed(installation, 1_000)
    job = start(installation, "--rate", "200")
    wait(lambda: end_of(installation) > 0)
    job.send_signal(signal.SIGTERM)
    _, said = job.communicate(timeout=SOON_S)
    assert job.returncode == 1
    assert "SIGTERM" in said
    rest = left(installation)
    assert sent(installation).total() == 1_000 - rest > 0
    report = redrive(installation, Order(limits=UNBOUND), Control())
    assert (report.moved, report.complete) == (rest, True)
    assert sent(installation).total() == 1_000


def test_a_broker_that_restarts_in_the_middle_costs_time_and_nothing_else(
    own_kafka: Callable[[], LocalKafka], prefix: str
) -> None:
    kafka = own_kafka()
    settings = KafkaSettings(
        bootstrap_servers=kafka.bootstrap, topic_prefix=prefix, retry_schedule="5s"
    )
    make_topics(settings)
    announce(settings, *ENDPOINTS)
    seed(settings, 2_000)
    control, thread, reports = in_thread(settings, Order(limits=Limits(rate=800, lag_cap=0)))
    wait(lambda: end_of(settings) > 200)
    kafka.kill()
    kafka.start()
    thread.join(SOON_S)
    control.stop("the end of the test")
    if not reports or not reports[0].complete:  # it may have ended, and says so; the next goes on
        assert redrive(settings, Order(limits=UNBOUND), Control()).complete
    deliveries = sent(settings)
    assert (len(deliveries), set(deliveries.values()), left(settings)) == (2_000, {1}, 0)


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


def test_an_endpoint_that_keeps_failing_gets_nothing_more(installation: KafkaSettings) -> None:
    seed(installation, 400, ENDPOINTS[:2])
    order = Order(limits=Limits(rate=100, lag_cap=0, stop_after=5))
    _, thread, reports = in_thread(installation, order)
    wait(lambda: end_of(installation) > 0)
    with Producer(installation) as producer:
        for _ in range(5):
            line = encode_attempt(failed(ENDPOINTS[0]))
            topic = installation.names.attempts
            producer.publish(topic, line, ENDPOINTS[0].encode()).result(30)
    thread.join(SOON_S)
    [report] = reports
    assert report.stopped is not None
    assert ENDPOINTS[0] in report.stopped
    assert "5 failures in a row, status 503" in report.stopped
    assert report.moved >= 200, "the other endpoint got all of its letters"
    assert report.skipped[Skip.FAILING] == left(installation) == 400 - report.moved > 0


def failed(endpoint: str) -> AttemptRecord:
    """Return the line of an attempt at a redriven delivery that failed."""
    return AttemptRecord(
        attempt_id="1",
        delivery_id="1",
        event_id="1",
        event_type="testimonial.approved",
        workspace_id=WORKSPACE,
        endpoint_id=endpoint,
        endpoint_version=1,
        subject="1",
        origin_topic="t",
        origin_partition=0,
        origin_offset=0,
        trigger="REDRIVE",
        number=1,
        outcome="RETRYING",
        reason="status",
        status=503,
        started_at=1,
        dns_ms=None,
        connect_ms=None,
        tls_ms=None,
        first_byte_ms=None,
        total_ms=None,
        bytes_sent=0,
        answer_headers=None,
        answer_snippet=None,
        error=None,
        next_due_at=None,
        worker="w",
    )


def test_bulk_waits_while_deliverers_are_behind(installation: KafkaSettings) -> None:
    seed(installation, 60)
    control, thread, reports = in_thread(installation, Order(limits=Limits(lag_cap=25)))
    wait(lambda: sent(installation).total() >= 25)
    thread.join(1.5)  # longer than it takes to look again
    assert sent(installation).total() == 25
    control.stop("the test")
    thread.join(SOON_S)
    assert "stopped by the test" in (reports[0].stopped or "")
    assert left(installation) == 35


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


def test_purged_letters_are_gone_and_in_the_file_and_can_be_imported_again(
    topics: KafkaSettings, tmp_path: Path
) -> None:
    seed(topics, 50)
    plaudit, file = CommandLine(topics), tmp_path / "gone.jsonl"
    assert plaudit("dlq", "purge", "--yes").code == 2, "everything wants --all"
    asked = plaudit("dlq", "purge", "--reason", "gone")
    assert (asked.code, left(topics)) == (0, 50)
    assert "--yes" in asked.err
    done = plaudit("dlq", "purge", "--reason", "gone", "--export", str(file), "--yes")
    assert done.code == 0, done.err
    assert left(topics) == 40
    assert len(file.read_text().splitlines()) == 10
    again = plaudit("dlq", "purge", "--reason", "expired", "--export", str(file), "--yes")
    assert (again.code, left(topics)) == (2, 40), "a file is never written over"
    back = plaudit("dlq", "import", str(file))
    assert (back.code, left(topics)) == (0, 50)
    with Letters(topics, Kind.DELIVERIES) as found:
        gone = parse(Asked(reason=["gone"]), 0)
        restored = {each.key: each for each in found.read() if gone.takes(each)}
    original = {made.key: made for made in letters(50)}
    assert len(restored) == 10
    for key, letter in restored.items():
        assert (letter.headers, letter.value) == (original[key].headers, original[key].value)


def test_an_export_is_complete_and_a_broken_file_imports_nothing(
    topics: KafkaSettings, tmp_path: Path
) -> None:
    seed(topics, 20)
    plaudit = CommandLine(topics)
    exported = plaudit("dlq", "export")
    assert len(exported.json) == 20
    file = tmp_path / "letters.jsonl"
    file.write_text(exported.out + "{broken\n")
    assert plaudit("dlq", "purge", "--all", "--yes").code == 0
    told = plaudit("dlq", "import", str(file))
    assert (told.code, told.err.count("\n"), left(topics)) == (2, 1, 0)
    assert "letters.jsonl:21" in told.err


def test_a_policy_file_is_carried_out_and_reported(
    installation: KafkaSettings, tmp_path: Path
) -> None:
    seed(installation, 50)
    file, report = tmp_path / "policies.yaml", tmp_path / "report.json"
    file.write_text(
        "policies:\n"
        "  - {name: timeouts, reason: [exhausted], status: 503, max: 5, lag_cap: 0}\n"
        "  - {name: too old, reason: expired, older_than: 1d}\n"
    )
    done = CommandLine(installation)(
        "dlq", "redrive", "--policy", str(file), "--yes", "--report", str(report)
    )
    assert done.code == 0, done.err
    first, second = json.loads(report.read_text())["runs"]
    assert (first["policy"], first["moved"]) == ("timeouts", 5)
    assert (second["policy"], second["matched"]) == ("too old", 0)
    assert left(installation) == 45


def test_a_job_runs_again_and_again_until_it_is_stopped(
    installation: KafkaSettings, tmp_path: Path
) -> None:
    file, report = tmp_path / "policies.yaml", tmp_path / "report.json"
    file.write_text("every: 1h\npolicies:\n  - {name: all, lag_cap: 0}\n")
    seed(installation, 10)
    job = start(installation, "--policy", str(file), "--report", str(report))
    wait(report.exists)
    assert json.loads(report.read_text())["runs"][0]["moved"] == 10
    job.send_signal(signal.SIGTERM)
    _, said = job.communicate(timeout=SOON_S)
    assert job.returncode == 0, said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["list", "--since", "yesterday"], "--since"),
        (["redrive", "--endpoint", "mine", "--yes"], "--endpoint"),
        (["redrive", "--ids", "nowhere.txt"], "nowhere.txt"),
        (["redrive", "--every", "1h"], "--policy"),
        (["redrive", "--policy", "nowhere.yaml"], "nowhere.yaml"),
        (["purge", "--yes"], "--all"),
        (["import", "nowhere.jsonl"], "nowhere.jsonl"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    settings: KafkaSettings, arguments: list[str], said: str
) -> None:
    told = CommandLine(settings)("dlq", *arguments)
    assert (told.code, told.err.count("\n")) == (2, 1), told.err
    assert said in told.err


@pytest.mark.parametrize("command", [["list"], ["stats"], ["redrive", "--yes"], ["export"]])
def test_missing_topics_are_one_line_and_exit_code_1(
    settings: KafkaSettings, command: list[str]
) -> None:
    make_topics(settings, {Section.SCHEMAS})
    told = CommandLine(settings)("dlq", *command)
    assert told.code == 1
    assert told.err.count("\n") == 1, told.err
    assert "plaudit topics check" in told.err


def test_a_policy_file_with_a_mistake_names_its_place(
    tmp_path: Path, topics: KafkaSettings
) -> None:
    file = tmp_path / "policies.yaml"
    for text, said in (
        ("policies: []", "policies"),
        ("policies: [{name: a, reasons: [gone]}]", "policies.0.reasons"),
        ("policies: [{name: a}, {name: a}]", "two policies"),
        ("every: 1s\npolicies: [{name: a}]", "under a minute"),
        ("policies: [{name: a, type: nothing}]", "policy 1 (a): --type"),
        ("{", "no YAML"),
    ):
        file.write_text(text)
        told = CommandLine(topics)("dlq", "redrive", "--policy", str(file), "--yes")
        assert (told.code, told.err.count("\n")) == (2, 1), told.err
        assert said in told.err
