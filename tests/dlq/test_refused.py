"""Commands without access or brokers: one line states the reason."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from command import CommandLine
from dlq.conftest import make_topics
from dlq.rig import SOON_S, start_command
from lab.guarded import GuardedKafka
from lab.scenario import Right
from plaudit.dev.kafka_probe import free_ports
from plaudit.kafka.settings import KafkaSettings

pytestmark = pytest.mark.broker

ENDPOINT = "7d9f5c1e-52a4-4b0e-9a53-0c6d1f1f2a01"
LETTER = {"plaudit_dead_letter": 1, "kind": "deliveries", "key": "one", "headers": [], "value": "x"}
READING = [
    ["dlq", "list"],
    ["dlq", "redrive", "--dry-run"],
    ["replay", ENDPOINT, "--since", "1h", "--dry-run"],
]
WRITING = [
    ["dlq", "redrive", "--yes"],
    ["dlq", "purge", "--all", "--yes"],
    ["dlq", "import", "letters.jsonl"],
    ["replay", ENDPOINT, "--since", "1h", "--yes"],
]


@pytest.fixture
def installation(
    guarded_kafka: GuardedKafka, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> KafkaSettings:
    """Topics, few tiers, a user who may do all, and the settings that are this user's."""
    settings = KafkaSettings(
        bootstrap_servers=guarded_kafka.bootstrap, topic_prefix=prefix, retry_schedule="5s"
    )
    make_topics(settings)
    guarded_kafka.admit(prefix)
    for name, value in guarded_kafka.credentials.items():
        monkeypatch.setenv(name, value)
    return settings.model_copy(update={"bootstrap_servers": guarded_kafka.users_bootstrap})


@pytest.mark.parametrize("command", [*READING, *WRITING, ["status"]], ids=" ".join)
def test_a_wrong_password_is_reported_as_one(
    installation: KafkaSettings, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.setenv("PLAUDIT_KAFKA_SASL_PASSWORD", "mistyped")
    Path("letters.jsonl").write_text(json.dumps(LETTER))
    told = CommandLine(installation)(*command)
    assert told.code == 1, told.err
    [line] = told.err.splitlines()
    assert "not allowed; check this user's credentials" in line
    assert "uthentication failed" in line


@pytest.mark.parametrize(
    ("topic", "command"),
    [
        ("dlq.deliveries", ["dlq", "list"]),
        ("dlq.deliveries", ["dlq", "redrive", "--dry-run"]),
        ("dlq.events", ["dlq", "stats", "--kind", "events", "--reason", "gone"]),
    ],
)
def test_an_unreadable_topic_is_not_reported_as_empty(
    guarded_kafka: GuardedKafka, installation: KafkaSettings, topic: str, command: list[str]
) -> None:
    guarded_kafka.take_away(Right("topic", topic, "read"), installation.topic_prefix)
    told = CommandLine(installation)(*command)
    assert told.code == 1, told.err
    [line] = told.err.splitlines()
    assert f"read topic {installation.topic_prefix}{topic}: not allowed" in line


def test_without_brokers_a_command_reports_one_line(prefix: str) -> None:
    [port] = free_ports(1)
    nowhere = KafkaSettings(bootstrap_servers=f"127.0.0.1:{port}", topic_prefix=prefix)
    Path("letters.jsonl").write_text(json.dumps(LETTER))
    # Processes: what nobody handles of our logs is printed by them alone. All at a time: each
    # waits for brokers that may be about to come.
    commands = (READING[0], WRITING[0], WRITING[-1])
    started = [start_command(nowhere, *command) for command in commands]
    ended = [(process.communicate(timeout=SOON_S)[1], process.returncode) for process in started]
    assert [code for _, code in ended] == [1, 1, 1]
    for err, _ in ended:
        [line] = err.splitlines()
        assert f"127.0.0.1:{port}" in line
