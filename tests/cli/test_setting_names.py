"""A misspelled setting is named, since nothing reads it."""

from __future__ import annotations

from pathlib import Path

import pytest

from command import CommandLine
from plaudit.cli.docs.reference import SETTINGS, fields
from plaudit.cli.ui.setting_names import PREFIX, SETTING_NAMES, misspelled
from plaudit.kafka.settings import KafkaSettings

NOWHERE = CommandLine(KafkaSettings(bootstrap_servers="127.0.0.1:1"))


def test_the_names_are_those_of_the_reference() -> None:
    listed = {variable for kind in SETTINGS.values() for variable, *_ in fields(kind)}
    ours = {each.removeprefix(PREFIX) for each in listed if each.startswith(PREFIX)}
    assert ours | {"DEBUG"} == SETTING_NAMES


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("PLAUDIT_SECRETKEY", "PLAUDIT_SECRET_KEY"),
        ("PLAUDIT_LOG_ATTEMPT", "PLAUDIT_LOG_ATTEMPTS"),
        ("plaudit_metric_port", "PLAUDIT_METRICS_PORT"),
    ],
)
def test_a_misspelled_variable_suggests_the_setting(variable: str, meant: str) -> None:
    assert misspelled({variable: "1"}) == {variable: meant}


@pytest.mark.parametrize(
    "variable",
    [
        "PLAUDIT_SECRET_KEY",
        "plaudit_api_port",
        "PLAUDIT_KAFKA_LOG_LEVEL",
        "PLAUDIT_VAR_API_PORT",
        "PLAUDIT_API_SERVICE_PORT",
        "PLAUDIT_RELEASE_NOTES",
        "LOG_LEVELS",
    ],
)
def test_any_other_variable_is_left_alone(variable: str) -> None:
    assert misspelled({variable: "1"}) == {}


def test_a_file_of_settings_that_is_not_text_is_refused_in_one_line() -> None:
    Path(".env").write_bytes(b"PLAUDIT_LOG_DAYS=\xff")
    done = NOWHERE("schemas", "list")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert ".env: not a readable text file" in done.err


def test_a_command_warns_of_the_environment_and_of_the_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PLAUDIT_LOG_ATTEMPT", "all")
    Path(".env").write_text("PLAUDIT_LOGDAYS=3\n")
    warned = NOWHERE("schemas", "list").err.splitlines()
    pairs = [
        ("PLAUDIT_LOGDAYS", "PLAUDIT_LOG_DAYS"),
        ("PLAUDIT_LOG_ATTEMPT", "PLAUDIT_LOG_ATTEMPTS"),
    ]
    told = [f"{wrong} is not a setting; did you mean {right}?" for wrong, right in pairs]
    assert warned == [f"plaudit: warning: {each}" for each in told]
