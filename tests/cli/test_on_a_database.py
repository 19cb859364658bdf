"""Commands that need a database and no broker."""

from __future__ import annotations

import base64
import getpass
import json
import os
import subprocess
import sys
import uuid
from dataclasses import asdict
from pathlib import Path

import pytest
from sqlalchemy.engine import Engine

from command import CommandLine
from databases import new_sqlite
from plaudit.endpoints.keys import SecretKeys
from plaudit.endpoints.signing import new_secret
from plaudit.kafka.errors import SettingsError
from plaudit.kafka.settings import KafkaSettings
from plaudit.records.times import wall_ms
from plaudit.store.db.statistics_tables import HEALTH
from plaudit.store.endpoints import rows
from plaudit.store.endpoints.key_use import KeyUse, require_keys
from plaudit.store.endpoints.notices import NoticeType
from plaudit.store.endpoints.spec import EndpointSpec
from plaudit.store.endpoints.transitions import new_endpoint
from plaudit.store.jobs.job_model import JobKind
from plaudit.store.jobs.job_service import JobService
from plaudit.store.log.health import Health

OURS = "7d9f5c1e-52a4-4b0e-9a53-0c6d1f1f2a01"
THEIRS = "7d9f0000-52a4-4b0e-9a53-0c6d1f1f2a01"
NO_BROKER = KafkaSettings(bootstrap_servers="127.0.0.1:1")


def key_text() -> str:
    return base64.b64encode(os.urandom(32)).decode()


class Installation:
    """A database, and a command line that uses it."""

    def __init__(self, file: Path) -> None:
        self.url = f"sqlite:///{file}"
        self.engine: Engine = new_sqlite(file)
        self.key = key_text()
        environment = {"PLAUDIT_DATABASE_URL": self.url, "PLAUDIT_SECRET_KEY": self.key}
        self.run = CommandLine(NO_BROKER, environment)

    def add_endpoint(self, name: str, workspace: str = OURS, key: str | None = None) -> str:
        """Insert an endpoint, encrypted with a key; return its id."""
        asked = EndpointSpec(f"https://{name}.example.com/hook", name=name)
        keys = SecretKeys([base64.b64decode(key or self.key)])
        made = new_endpoint(keys, asked, workspace, str(uuid.uuid4()), new_secret(), wall_ms())
        with self.engine.begin() as connection:
            rows.insert(connection, made)
        return made.endpoint_id


@pytest.fixture
def installed(tmp_path: Path) -> Installation:
    return Installation(tmp_path / "plaudit.db")


def test_an_endpoint_whose_key_is_missing_is_named_and_the_others_are_listed(
    installed: Installation,
) -> None:
    installed.add_endpoint("good")
    bad = installed.add_endpoint("bad", key=key_text())
    listed = installed.run("endpoints", "list", "--columns", "name,host")
    assert listed.code == 1
    assert listed.out.splitlines() == ["good\tgood.example.com", "bad\t"]
    assert f"endpoint bad ({bad}) can't be decrypted: key_missing" in listed.err
    problems = [each["problem"] for each in installed.run("endpoints", "list", "--json").json]
    assert problems[0] is None
    assert "PLAUDIT_SECRET_KEY" in problems[1]


def test_a_named_database_that_does_not_exist_is_announced(
    installed: Installation, tmp_path: Path
) -> None:
    other = tmp_path / "other.db"
    environment = {**installed.run.environment, "PLAUDIT_DATABASE_URL": f"sqlite:///{other}"}
    elsewhere = CommandLine(installed.run.settings, environment)
    first, second = elsewhere("keys", "list"), elsewhere("keys", "list")
    assert f"making a new database, {other}; PLAUDIT_DATABASE_URL names it" in first.err
    assert str(other) not in second.err


def test_the_health_of_an_endpoint_explains_its_last_failure_and_names_the_database_once(
    installed: Installation, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    failing = installed.add_endpoint("failing")
    health = Health(failing, OURS, 1, failure_streak=1, last_status=503, last_reason="status")
    with installed.engine.begin() as connection:
        connection.execute(HEALTH.insert().values(asdict(health)))
    monkeypatch.chdir(tmp_path)
    by_default = {"PLAUDIT_SECRET_KEY": installed.key}
    shown = CommandLine(NO_BROKER, by_default)("endpoints", "health", failing)
    assert "the endpoint is overloaded or under maintenance" in shown.out
    assert shown.err.count("the database is") == 1


@pytest.mark.parametrize("same", [True, False])
def test_an_endpoint_added_with_another_key_than_earlier_ones_is_a_warning(
    installed: Installation, *, same: bool
) -> None:
    installed.add_endpoint("earlier", key=installed.key if same else key_text())
    added = installed.run("endpoints", "add", "https://new.example.com", "--workspace", OURS)
    assert added.code == 0
    assert ("is PLAUDIT_SECRET_KEY that of the workers?" in added.err) is not same


@pytest.mark.parametrize("role", ["serve", "record"])
def test_a_process_whose_key_opens_no_endpoint_refuses_to_start(
    installed: Installation, role: str
) -> None:
    installed.add_endpoint("crm", key=key_text())
    environment = {**os.environ, **installed.run.environment, "KAFKA_BOOTSTRAP_SERVERS": "[::1]:1"}
    done = subprocess.run(
        [Path(sys.executable).with_name("plaudit"), role],
        env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert "PLAUDIT_SECRET_KEY: opens none of the database's endpoints (1)" in line


def test_keys_that_open_an_endpoint_or_find_none_are_accepted(installed: Installation) -> None:
    former, ours = key_text(), SecretKeys.from_setting(installed.key)
    require_keys(installed.engine, ours)
    installed.add_endpoint("former", key=former)
    with pytest.raises(SettingsError, match="opens none of the database's endpoints"):
        require_keys(installed.engine, ours)
    require_keys(installed.engine, SecretKeys.from_setting(f"{installed.key},{former}"))
    installed.add_endpoint("ours")
    require_keys(installed.engine, ours)


def test_endpoints_are_counted_by_the_key_that_sealed_them(installed: Installation) -> None:
    former = key_text()
    installed.add_endpoint("ours")
    installed.add_endpoint("former", key=former)
    installed.add_endpoint("strange", key=key_text())
    use = KeyUse(installed.engine, SecretKeys.from_setting(f"{installed.key},{former}"))
    use.look()
    [metric] = use.collect()
    assert {each.labels["key"]: each.value for each in metric.samples} == {
        "first": 1,
        "other": 1,
        "missing": 1,
    }


def test_a_test_send_without_the_key_states_its_id_once(installed: Installation) -> None:
    installed.add_endpoint("bad", key=key_text())
    sent = installed.run("endpoints", "test", "bad")
    assert sent.code == 1
    assert sent.err.count("sealed with key") == 1


def test_a_workspace_is_named_by_its_first_characters(installed: Installation) -> None:
    installed.add_endpoint("ours")
    installed.add_endpoint("theirs", THEIRS)
    installed.run("keys", "create", "crm", "--workspace", "7d9f5c1e")
    [key] = installed.run("keys", "list", "--workspace", "7d9f5c1e", "--json").json
    assert (key["name"], key["workspace_id"]) == ("crm", OURS)
    mine = installed.run("endpoints", "list", "--workspace", "7d9f0000", "--columns", "name")
    assert mine.out == "theirs\n"
    for command in (
        ["deliveries", "list"], ["audit", "list"], ["jobs", "list"], ["dlq", "list"],
        ["endpoints", "show", "crm"], ["replay", "crm", "--since", "1h"],
        ["dlq", "redrive", "--to", "crm"], ["endpoints", "add", "https://a.example"],
    ):  # fmt: skip
        several = installed.run(*command, "--workspace", "7d9f")
        assert several.code == 2
        assert "workspace '7d9f' is ambiguous" in several.err, command
        wrong = installed.run(*command, "--workspace", "nope")
        assert wrong.code == 2
        assert "--workspace: 'nope' is not a UUID, nor its first characters" in wrong.err


def test_a_name_that_two_workspaces_have_needs_the_workspace(installed: Installation) -> None:
    installed.add_endpoint("crm")
    installed.add_endpoint("crm", THEIRS)
    for command in (["replay", "crm", "--since", "1h"], ["dlq", "redrive", "--to", "crm"]):
        refused = installed.run(*command)
        assert refused.code == 2
        assert "add --workspace" in refused.err
    # With it, the next check is reached.
    replay = ("replay", "crm", "--since", "1h", "--type", "foo")
    assert "unknown event type" in installed.run(*replay, "--workspace", THEIRS[:8]).err


def test_jobs_are_one_line_each_and_are_named_by_their_first_characters(
    installed: Installation,
) -> None:
    jobs = JobService(installed.engine)
    made = jobs.create(JobKind.PURGE, "letters", {"kind": "purge"}, OURS, dry_run=True)
    other = jobs.create(JobKind.RETRY, "retries", {"kind": "retry"}, None, dry_run=False)
    listed = installed.run("jobs", "list", "--columns", "id,kind,workspace_id,moved")
    assert listed.out.splitlines() == [
        f"{other.job_id}\tretry\tall\t0",
        f"{made.job_id}\tpurge (dry run)\t{OURS}\t0",
    ]
    [shown] = installed.run("jobs", "show", made.job_id[:-1]).json
    assert shown["id"] == made.job_id
    assert f"cancelled {made.job_id}" in installed.run("jobs", "cancel", made.job_id[:-1]).err
    unknown = installed.run("jobs", "show", "ffffffff")
    assert (unknown.code, "see `plaudit jobs list`" in unknown.err) == (2, True)


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ({"kind": "foo"}, "`kind` 'foo' is not one of redrive, purge, replay, recovery, retry"),
        ({}, "`kind` is missing"),
    ],
)
def test_an_order_of_an_unknown_kind_is_refused_in_words(
    order: dict[str, str], said: str, installed: Installation
) -> None:
    refused = installed.run("jobs", "create", json.dumps(order))
    assert refused.code == 2
    assert said in refused.err


def test_an_empty_list_is_reported_and_an_unknown_type_warned_about(
    installed: Installation,
) -> None:
    found = installed.run("deliveries", "list", "--type", "testimonial.aproved")
    assert (found.code, found.out) == (0, "")
    assert "did you mean testimonial.approved?" in found.err
    assert "no deliveries match" in found.err
    for option, text in (("--subject", "foo"), ("--event", "foo")):
        assert installed.run("deliveries", "list", option, text).code == 2


def test_the_audit_log_is_never_written_over_a_file(
    installed: Installation, tmp_path: Path
) -> None:
    file = tmp_path / "audit.jsonl"
    file.write_text("kept")
    refused = installed.run("audit", "export", str(file))
    assert (refused.code, file.read_text()) == (2, "kept")
    assert "exists; choose another name" in refused.err
    nowhere = installed.run("audit", "export", str(tmp_path / "none" / "x"))
    assert (nowhere.code, "No such file" in nowhere.err) == (2, True)


def test_help_names_all_operational_events_to_choose_from(installed: Installation) -> None:
    shown = installed.run("endpoints", "notify", "--help").out
    assert all(each in shown for each in NoticeType)
    endpoint = installed.add_endpoint("ops")
    refused = installed.run("endpoints", "notify", "ops", "--types", "endpoint.fail")
    assert (refused.code, "did you mean endpoint.failing" in refused.err) == (2, True)
    done = installed.run(
        "endpoints", "notify", "ops", "--types", "endpoint.failing,job.completed", "--json"
    )
    assert done.json[0]["notify_endpoint_id"] == endpoint
    assert done.json[0]["notify_types"] == ["endpoint.failing", "job.completed"]


def test_a_rotation_accepts_days_and_names_a_longer_overlap(installed: Installation) -> None:
    installed.add_endpoint("crm")
    refused = installed.run("endpoints", "rotate-secret", "crm", "--overlap", "8d")
    assert (refused.code, "must be at most 7d, not 8d" in refused.err) == (2, True)
    assert installed.run("endpoints", "rotate-secret", "crm", "--overlap", "7d").code == 0


def test_deliveries_are_listed_by_a_class_of_statuses(installed: Installation) -> None:
    done = installed.run("deliveries", "list", "--status", "5xx")
    assert (done.code, "no deliveries match" in done.err) == (0, True), done.err
    refused = installed.run("deliveries", "list", "--status", "6xx")
    assert (refused.code, "--status: '6xx' is not an HTTP status" in refused.err) == (2, True)


def test_an_import_accepts_the_first_characters_of_a_workspace(
    installed: Installation, tmp_path: Path
) -> None:
    installed.add_endpoint("ours")
    file = tmp_path / "reviews.csv"
    file.write_text("id,rating,text,author\n1,5,Good,Ada\n")
    done = installed.run(
        "import", str(file), "--workspace", OURS[:6], "--space", OURS, "--dry-run",
        "--set", "platform=google",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert OURS in done.out + done.err


def test_a_key_without_its_workspace_is_refused_with_the_option(installed: Installation) -> None:
    refused = installed.run("keys", "create", "crm", "--scope", "workspace")
    assert (refused.code, "--workspace" in refused.err) == (2, True), refused.err


@pytest.mark.parametrize(
    ("command", "params"),
    [
        (
            ["dlq", "redrive", "--reason", "exhausted", "--status", "5xx", "--rate", "20"],
            {"kind": "redrive", "rate": 20.0, "keep_attempts": False},
        ),
        (
            ["dlq", "purge", "--error", "timed out", "--max", "5", "--yes"],
            {"kind": "purge", "max": 5, "all": False},
        ),
        (
            ["replay", OURS, "--since", "2026-11-24T00:00:00Z", "--again"],
            {"kind": "replay", "endpoint_id": OURS, "again": True},
        ),
    ],
    ids=["redrive", "purge", "replay"],
)
def test_a_command_queues_its_work_as_a_job(
    installed: Installation, command: list[str], params: dict[str, object]
) -> None:
    done = installed.run(*command, "--job")
    assert done.code == 0, done.err
    job = JobService(installed.engine).get(done.out.strip())
    assert job.params.items() >= params.items()
    assert f"plaudit jobs show {job.job_id}" in done.err
    assert_is_audited(installed, job.job_id, str(params["kind"]))


def assert_is_audited(installed: Installation, job_id: str, kind: str) -> None:
    """Check that the audit log has the job's creation, by the person of the command."""
    [entry] = installed.run("audit", "list", "--target", job_id, "--json").json
    assert (entry["action"], entry["after"]["kind"]) == ("job.created", kind)
    assert (entry["actor"]["kind"], entry["actor"]["id"]) == ("command", getpass.getuser())


def test_a_recovery_is_queued_as_a_job(installed: Installation) -> None:
    endpoint = installed.add_endpoint("crm")
    done = installed.run("endpoints", "enable", endpoint, "--recover", "--job")
    assert done.code == 0, done.err
    job = JobService(installed.engine).get(done.out.split()[-1], OURS)
    assert (job.kind, job.params["endpoint_id"]) == (JobKind.RECOVERY, endpoint)
    assert_is_audited(installed, job.job_id, "recovery")


def test_a_job_has_the_conditions_of_its_command(installed: Installation) -> None:
    workspace = ["--workspace", OURS, "--reason", "gone", "--type", "form.completed"]
    done = installed.run("dlq", "redrive", *workspace, "--dry-run", "--job")
    assert done.code == 0, done.err
    job = JobService(installed.engine).get(done.out.strip(), OURS)
    assert job.dry_run
    assert job.params["filter"]["reasons"] == ["gone"]
    assert job.params["filter"]["types"] == ["form.completed"]


@pytest.mark.parametrize(
    "command",
    [
        ["dlq", "redrive", "--attempts", "3-"],
        ["dlq", "redrive", "--lag-cap", "5"],
        ["dlq", "purge", "--reason", "gone"],
        ["replay", OURS, "--since", "2h", "--report", "report.json"],
        ["endpoints", "enable", OURS],
    ],
    ids=["a condition", "an option", "a purge without --yes", "a report", "no recovery"],
)
def test_what_a_job_can_not_do_is_refused(installed: Installation, command: list[str]) -> None:
    refused = installed.run(*command, "--job")
    assert refused.code == 2
    assert "--job" in refused.err
    assert JobService(installed.engine).list().jobs == []
