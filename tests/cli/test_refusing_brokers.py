"""Commands that can do nothing while every broker refuses connections."""

from __future__ import annotations

import pytest

from command import CommandLine
from plaudit.kafka.settings import KafkaSettings

SAID = (
    "plaudit: Kafka is unreachable: 127.0.0.1:1: connection refused. Check KAFKA_BOOTSTRAP_SERVERS"
)


@pytest.mark.parametrize(
    "command",
    [
        ["list"], ["stats"], ["show", "7d9f"], ["export"],
        ["redrive", "--reason", "gone", "--yes"], ["purge", "--all", "--yes"],
    ],
    ids=lambda words: words[0],
)  # fmt: skip
def test_a_dead_letter_command_fails_at_once(command: list[str]) -> None:
    run = CommandLine(KafkaSettings(bootstrap_servers="127.0.0.1:1"))
    refused = run("dlq", *command)
    assert refused.code == 1
    assert refused.err.splitlines() == [SAID]
