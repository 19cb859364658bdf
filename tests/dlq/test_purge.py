"""Letters that are removed, kept in files, or sent again by policies; and mistakes."""

from __future__ import annotations

import getpass
import json
import signal
import stat
from pathlib import Path

import pytest

from command import CommandLine
from databases import new_sqlite
from dlq.conftest import left, make_topics, seed
from dlq.generate import letters
from dlq.rig import SOON_S, start_command
from plaudit.dlq.job.export import line_of
from plaudit.dlq.letters.filters import FilterOptions, parse
from plaudit.dlq.letters.letter import Kind, Letter
from plaudit.dlq.letters.reader import Letters
from plaudit.kafka.admin.topic_specs import Section
from plaudit.kafka.read.headers import Headers
from plaudit.kafka.settings import KafkaSettings
from plaudit.records.names import Header
from plaudit.store.audit.search import AuditQuery, find_entries
from plaudit.store.db.database import reading
from waiting import until

pytestmark = pytest.mark.broker


def mode(file: Path) -> int:
    """Return who may read and write a file."""
    return stat.S_IMODE(file.stat().st_mode)


def test_purged_letters_are_gone_and_in_the_file_and_can_be_imported_again(
    topics: KafkaSettings, tmp_path: Path
) -> None:
    seed(topics, 50)
    plaudit, file = CommandLine(topics), tmp_path / "gone.jsonl"
    assert plaudit("dlq", "purge", "--yes").code == 2, "everything wants --all"
    asked = plaudit("dlq", "purge", "--reason", "gone")
    assert (asked.code, left(topics)) == (1, 50)
    assert "--yes" in asked.err
    done = plaudit("dlq", "purge", "--reason", "gone", "--export", str(file), "--yes")
    assert done.code == 0, done.err
    assert left(topics) == 40
    assert len(file.read_text().splitlines()) == 10
    assert mode(file) == 0o600
    again = plaudit("dlq", "purge", "--reason", "expired", "--export", str(file), "--yes")
    assert (again.code, left(topics)) == (2, 40), "a file is never written over"
    back = plaudit("dlq", "import", str(file))
    assert (back.code, left(topics)) == (0, 50)
    with Letters(topics, Kind.DELIVERIES) as found:
        gone = parse(FilterOptions(reason=["gone"]), 0)
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
    file = tmp_path / "letters.jsonl"
    assert plaudit("dlq", "export", "--file", str(file)).code == 0
    assert mode(file) == 0o600
    exported = plaudit("dlq", "export")
    assert len(exported.json) == 20
    # Letters come in order of each partition; partitions alternate as the broker answers.
    assert sorted(exported.out.splitlines()) == sorted(file.read_text().splitlines())
    file.write_text(exported.out + "{broken\n")
    assert plaudit("dlq", "purge", "--all", "--yes").code == 0
    told = plaudit("dlq", "import", str(file))
    assert (told.code, told.err.count("\n"), left(topics)) == (2, 1, 0)
    assert "letters.jsonl:21" in told.err


def test_an_import_leaves_out_letters_from_topics_of_others(
    topics: KafkaSettings, tmp_path: Path
) -> None:
    def line(topic: str) -> str:
        headers: Headers = [(Header.REASON, b"truncated"), (Header.ORIGIN_TOPIC, topic.encode())]
        letter = Letter(f"{topic}:0:1".encode(), 0, 0, 0, headers, b"forged")
        return line_of(letter, Kind.EVENTS)

    names = topics.names
    file = tmp_path / "letters.jsonl"
    origins = [names.endpoints, names.event_topics[0], "elsewhere.testimonials"]
    file.write_text("\n".join(line(topic) for topic in origins))
    told = CommandLine(topics)("dlq", "import", str(file))
    assert (told.code, "left out 2" in told.err) == (1, True), told.err
    with Letters(topics, Kind.EVENTS) as found:
        assert [each.text(Header.ORIGIN_TOPIC) for each in found.read()] == [names.event_topics[0]]


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
    assert mode(report) == 0o600
    first, second = json.loads(report.read_text())["runs"]
    assert (first["name"], first["moved"]) == ("timeouts", 5)
    assert (second["name"], second["matched"]) == ("too old", 0)
    assert left(installation) == 45


def test_a_job_repeats_until_it_is_stopped(installation: KafkaSettings, tmp_path: Path) -> None:
    file, report = tmp_path / "policies.yaml", tmp_path / "report.json"
    file.write_text("every: 1h\npolicies:\n  - {name: all, lag_cap: 0}\n")
    seed(installation, 10)
    arguments = ["--policy", str(file), "--report", str(report), "--yes"]
    job = start_command(installation, "dlq", "redrive", *arguments)
    until(report.exists)
    assert json.loads(report.read_text())["runs"][0]["moved"] == 10
    job.send_signal(signal.SIGTERM)
    _, said = job.communicate(timeout=SOON_S)
    assert job.returncode == 0, said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["list", "--since", "yesterday"], "--since"),
        (["redrive", "--endpoint", "mine", "--yes"], "endpoint 'mine'"),
        (["redrive", "--ids", "nowhere.txt"], "nowhere.txt"),
        (["redrive", "--every", "1h"], "--policy"),
        (["redrive", "--policy", "nowhere.yaml"], "nowhere.yaml"),
        (["redrive", "--policy", "p.yaml", "--max-redrives", "5"], "leave --max-redrives out"),
        (["redrive", "--policy", "p.yaml", "--keep-attempts"], "--keep-attempts out"),
        (["redrive", "--policy", "p.yaml", "--lag-cap", "0", "--reason", "gone"], "--lag-cap"),
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
        ("policies: [{name: a, reasons: [gone]}]", "policies[0].reasons: not a known name"),
        ("policies: [{name: a}, {name: a}]", "two policies"),
        ("every: 1s\npolicies: [{name: a}]", "under a minute"),
        ("policies: [{name: a, type: nothing}]", "policy 1 (a): --type"),
        ("policies: [{name: a, reason: exhausted_typo}]", "did you mean exhausted?"),
        ("{", "not valid YAML"),
    ):
        file.write_text(text)
        told = CommandLine(topics)("dlq", "redrive", "--policy", str(file), "--yes")
        assert (told.code, told.err.count("\n")) == (2, 1), told.err
        assert said in told.err


def test_commands_that_write_to_kafka_only_are_in_the_audit_log(
    topics: KafkaSettings, tmp_path: Path
) -> None:
    seed(topics, 20)
    engine = new_sqlite(tmp_path / "plaudit.db")
    url = f"sqlite:///{tmp_path / 'plaudit.db'}"
    plaudit, file = CommandLine(topics, {"PLAUDIT_DATABASE_URL": url}), tmp_path / "gone.jsonl"
    assert plaudit("dlq", "purge", "--reason", "gone", "--export", str(file), "--yes").code == 0
    assert plaudit("dlq", "import", str(file)).code == 0
    with reading(engine) as connection:
        imported, purged = find_entries(connection, AuditQuery()).entries
    engine.dispose()
    assert (purged.action, purged.target) == ("dead_letters.purged", topics.names.dlq_deliveries)
    assert purged.after == {"command": f"dlq purge --reason gone --export {file} --yes"}
    assert (imported.action, imported.target) == ("dead_letters.imported", str(file))
    assert (purged.actor_kind, purged.actor_id) == ("command", getpass.getuser())


def test_a_database_that_is_away_keeps_no_dead_letter_in_place(
    topics: KafkaSettings, tmp_path: Path
) -> None:
    seed(topics, 20)
    url = f"sqlite:///{tmp_path / 'missing' / 'plaudit.db'}"
    plaudit = CommandLine(topics, {"PLAUDIT_DATABASE_URL": url})
    done = plaudit("dlq", "purge", "--reason", "gone", "--yes")
    assert (done.code, left(topics)) == (0, 16)
    assert "the audit log has no entry of this run" in done.err
