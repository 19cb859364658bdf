"""`plaudit import`: what is in the file is in Kafka, whatever happens meanwhile."""

from __future__ import annotations

import csv
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from command import CommandLine, Result
from conftest import apply_topics
from plaudit.dev.kafka import LocalKafka
from plaudit.events.decoding import Event, EventDecoder
from plaudit.importer.journal import Journal
from plaudit.importer.names import TargetField
from plaudit.kafka.settings import KafkaSettings
from publish.conftest import read_all, read_topic, topics

__all__ = ["read_all", "topics"]  # fixtures of publishing

pytestmark = pytest.mark.broker

PLAUDIT = str(Path(sys.executable).with_name("plaudit"))
WORKSPACE, SPACE = str(uuid.uuid4()), str(uuid.uuid4())
OF = ("--workspace", WORKSPACE, "--space", SPACE, "--set", "platform=g2", "--max-lag", "0")
PATIENCE_S = 60.0


def write(path: Path, ids: Iterable[int], *more: str) -> Path:
    lines = ["id,review,stars,name", *(f'{each},"Great, {each}",5,Ada' for each in ids), *more]
    path.write_text("\n".join(lines) + "\n")
    return path


def events(settings: KafkaSettings, topic: int = 0) -> list[Event]:
    decoder = EventDecoder()
    messages = read_topic(settings, settings.names.event_topics[topic])
    return [decoder.decode(message.value() or b"") for message in messages]


def expected(ids: Iterable[int]) -> set[str]:
    target = TargetField(uuid.UUID(WORKSPACE), uuid.UUID(SPACE))
    return {str(uuid.UUID(bytes=target.name("g2", str(each)).event_id)) for each in ids}


@pytest.fixture
def run(topics: KafkaSettings, tmp_path: Path) -> Callable[..., Result]:
    plaudit = CommandLine(topics)
    journal = ("--journal", str(tmp_path / "journal"), "--json")
    return lambda file, *options: plaudit("import", str(file), *OF, *journal, *options)


def test_each_row_is_published_then_the_end_and_the_same_file_again_is_nothing_new(
    run: Callable[..., Result], topics: KafkaSettings, tmp_path: Path
) -> None:
    file = write(tmp_path / "a.csv", range(1_200))
    first = run(file)
    assert first.code == 0, first.err
    assert first.json[0] | {"import_id": ""} == {
        "rows": 1_200,
        "failed": 0,
        "left_out": 0,
        "import_id": "",
        "published": 1_200,
        "already": 0,
        "duplicates": 0,
        "imported": 1_200,
        "skipped": 0,
        "dropped": [],
    }
    found = events(topics)
    assert {event.event_id for event in found} == expected(range(1_200))
    assert {event.type for event in found} == {"review.imported"}
    [end] = events(topics, 3)
    assert (end.type, end.data["imported"]) == ("import.completed", 1_200)
    assert {event.data["import_id"] for event in found} == {end.data["import_id"]}
    again = run(file)
    assert (again.code, again.json[0]["published"]) == (0, 0)
    assert "imported before; nothing was published" in again.err
    assert (len(events(topics)), len(events(topics, 3))) == (1_200, 1)


def test_an_overlapping_file_adds_only_new_reviews(
    run: Callable[..., Result], topics: KafkaSettings, tmp_path: Path
) -> None:
    run(write(tmp_path / "a.csv", range(100)))
    done = run(write(tmp_path / "b.csv", [*range(50, 150), 149]))
    assert (done.json[0]["imported"], done.json[0]["skipped"]) == (50, 51)
    assert (done.json[0]["already"], done.json[0]["duplicates"]) == (50, 1)
    [*_, end] = events(topics, 3)
    assert (end.data["imported"], end.data["skipped"], end.data["failed"]) == (50, 51, 0)
    found = [event.event_id for event in events(topics)]
    assert len(found) == 150
    assert set(found) == expected(range(150))


def test_without_the_journal_the_same_ids_are_published_again(
    run: Callable[..., Result], topics: KafkaSettings, tmp_path: Path
) -> None:
    file = write(tmp_path / "a.csv", range(10))
    run(file)
    (tmp_path / "journal" / f"{SPACE}.db").unlink()
    run(file)
    found = [event.event_id for event in events(topics)]
    assert (len(found), set(found)) == (20, expected(range(10)))
    assert len({event.event_id for event in events(topics, 3)}) == 1


def test_bad_rows_are_written_to_a_file_that_can_be_corrected_and_imported(
    run: Callable[..., Result], topics: KafkaSettings, tmp_path: Path
) -> None:
    file = write(
        tmp_path / "a.csv", range(3), "7,Late,great,Ada", "8,Too,many,values,here", ",x,5,B"
    )
    done = run(file)
    assert (done.code, done.json[0]["imported"], done.json[0]["failed"]) == (2, 3, 3)
    assert "line 5: rating: not a rating such as" in done.err
    assert "line 6: 5 values for 4 columns" in done.err
    bad = tmp_path / "a.bad.csv"
    rows = list(csv.DictReader(bad.read_text().splitlines()))
    assert [row["plaudit_line"] for row in rows] == ["5", "6", "7"]
    rows[0]["stars"] = "4"
    with bad.open("w", newline="") as fixed:
        writer = csv.DictWriter(fixed, rows[0].keys())
        writer.writeheader()
        writer.writerow(rows[0])
    again = run(bad)
    assert (again.code, again.json[0]["imported"]) == (0, 1)
    assert {event.event_id for event in events(topics)} == expected([0, 1, 2, 7])
    assert not (tmp_path / "a.bad.bad.csv").exists()


def test_a_dry_run_shows_the_first_errors_and_needs_no_broker(tmp_path: Path) -> None:
    plaudit = CommandLine(KafkaSettings(bootstrap_servers="127.0.0.1:1"))
    file = write(tmp_path / "a.csv", range(5), *(f"{each},Late,great,Ada" for each in range(12)))
    done = plaudit("import", str(file), *OF, "--dry-run", "--json")
    assert (done.code, done.json[0]["rows"], done.json[0]["failed"]) == (2, 17, 12)
    assert done.json[0]["event"]["data"]["testimonial"]["source"]["platform"] == "g2"
    assert done.json[0]["columns"]["customer_name"] == ["name"]
    assert "plaudit: lines 7, 8, 9 and 9 more: rating: not a rating such as" in done.err
    assert not (tmp_path / "a.bad.csv").exists()


def test_a_dry_run_shows_columns_and_one_event_to_people(tmp_path: Path) -> None:
    plaudit = CommandLine(KafkaSettings(bootstrap_servers="127.0.0.1:1"))
    file = tmp_path / "a.csv"
    file.write_text("body,rating,source,reply\nGood,5,web,Thanks\n")
    done = plaudit("import", str(file), *OF, "--dry-run", "--ids-from-content")
    assert (done.code, '"type": "review.imported"' in done.out) == (0, True)
    assert '"platform": "g2"' in done.out
    for line in (
        "  text                 \N{LEFTWARDS ARROW} body",
        "  platform             = g2",
        "not imported: source, reply",
        "1 row: 1 can be imported, 0 failed (dry run)",
    ):
        assert line in done.err.splitlines()


def test_a_fault_of_all_rows_is_one_line(tmp_path: Path) -> None:
    plaudit = CommandLine(KafkaSettings(bootstrap_servers="127.0.0.1:1"))
    file = tmp_path / "a.csv"
    file.write_text("review,stars\n" + "Good,5\n" * 3_000)
    done = plaudit("import", str(file), *OF, "--dry-run")
    said = "plaudit: all 3,000 rows: external_id is missing (use --ids-from-content, "
    assert [line.startswith(said) for line in done.err.splitlines()].count(True) == 1
    assert done.err.count("external_id is missing") == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--map", "title"), "--map title: not of the form FIELD="),
        (("--map", "title=nothing"), "no column 'nothing'; there are id, review, stars, name"),
        (("--set", "colour=red"), "no field 'colour'"),
        (("--encoding", "klingon"), "'klingon' is unknown"),
        (("--mapping", "missing.toml"), "missing.toml: No such file"),
    ],
)
def test_an_unusable_option_is_refused_in_one_line(
    tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    plaudit = CommandLine(KafkaSettings(bootstrap_servers="127.0.0.1:1"))
    done = plaudit("import", str(write(tmp_path / "a.csv", range(1))), *OF, *options)
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert said in done.err


def test_a_file_can_hold_a_mapping(
    run: Callable[..., Result], topics: KafkaSettings, tmp_path: Path
) -> None:
    mapping = tmp_path / "g2.toml"
    mapping.write_text('[columns]\ntitle = "review"\n[values]\nlanguage = "en"\n')
    assert run(write(tmp_path / "a.csv", [1]), "--mapping", mapping, "--no-backfill").code == 0
    [event] = events(topics)
    content = event.data["testimonial"]["content"]
    assert (content["title"], content["text"], content["language"]) == ("Great, 1", None, "en")
    assert event.data["is_backfill"] is False
    mapping.write_text("columns = 1\n")
    assert "[columns] is not a table" in run(tmp_path / "a.csv", "--mapping", mapping).err


def test_one_import_into_a_space_at_a_time(run: Callable[..., Result], tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", range(1))
    with Journal(tmp_path / "journal", uuid.UUID(SPACE)):
        done = run(file)
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert f"another import into space {SPACE} is running" in done.err


class Imports:
    """Imports of one file in processes of their own, which may be killed."""

    def __init__(self, settings: KafkaSettings, file: Path, folder: Path) -> None:
        self._journal = folder / "journal"
        self._command = [PLAUDIT, "import", str(file), *OF, "--journal", str(self._journal)]
        self._environment = {
            **os.environ,
            "KAFKA_BOOTSTRAP_SERVERS": settings.bootstrap_servers,
            "PLAUDIT_TOPIC_PREFIX": settings.topic_prefix,
        }

    def start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self._command, env=self._environment, stderr=subprocess.PIPE, text=True
        )

    def accepted(self) -> set[str]:
        """Return the ids in the journal."""
        rows = self._select("event_id")
        return {str(uuid.UUID(bytes=event_id)) for (event_id,) in rows}

    def _select(self, what: str) -> list[tuple[Any, ...]]:
        path = self._journal / f"{SPACE}.db"
        if not path.exists():
            return []
        with closing(sqlite3.connect(path, timeout=30)) as connection:
            try:
                return connection.execute(f"SELECT {what} FROM seen").fetchall()  # noqa: S608 - ours
            except sqlite3.OperationalError:  # it is being made
                return []

    def wait_for(self, count: int) -> None:
        pause = threading.Event()
        for _ in range(int(PATIENCE_S / 0.01)):
            if sum(found for (found,) in self._select("count(*)")) >= count:
                return
            pause.wait(0.01)
        raise AssertionError(f"{len(self.accepted())} of {count} in time")


@pytest.mark.e2e
def test_nothing_is_lost_when_it_is_killed_stopped_and_the_broker_restarts(
    own_kafka: Callable[[], LocalKafka], prefix: str, tmp_path: Path
) -> None:
    rows = 60_000
    broker = own_kafka()
    settings = KafkaSettings(bootstrap_servers=broker.bootstrap, topic_prefix=prefix)
    apply_topics(settings)
    imports = Imports(settings, write(tmp_path / "a.csv", range(rows)), tmp_path)
    first = imports.start()
    imports.wait_for(1_000)
    first.kill()
    first.communicate()
    accepted = imports.accepted()
    assert accepted < expected(range(rows)), "it was killed in the middle"
    assert accepted <= {event.event_id for event in events(settings)}
    second = imports.start()
    imports.wait_for(len(accepted) + 1_000)
    second.send_signal(signal.SIGTERM)
    _, said = second.communicate()
    assert (second.returncode, "run the same command again to resume" in said) == (1, True)
    third = imports.start()
    imports.wait_for(len(imports.accepted()) + 1_000)
    broker.restart()
    _, said = third.communicate()
    assert third.returncode == 0, said
    arrived = [event.event_id for event in events(settings)]
    assert set(arrived) == expected(range(rows)) == imports.accepted()
    print(f"{len(arrived) - rows} of {rows} doubled over a kill, a stop and a restart")
    [end] = events(settings, 3)
    assert (end.data["imported"], end.data["skipped"], end.data["failed"]) == (rows, 0, 0)
