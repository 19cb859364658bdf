"""A setting that can't be used: one line, by every command that reads it."""

from __future__ import annotations

import pytest

from plaudit.api.settings import ApiSettings
from plaudit.kafka.base_settings import EnvSettings
from plaudit.kafka.errors import SettingsError
from plaudit.recorder.settings import RecorderSettings


@pytest.mark.parametrize(
    ("kind", "variable", "value"),
    [
        (ApiSettings, "PLAUDIT_API_RATE_LIMIT", "many"),
        (RecorderSettings, "PLAUDIT_LOG_DAYS", "x"),
    ],
)
def test_the_variable_is_named_and_a_text_in_it_is_not_quoted(
    monkeypatch: pytest.MonkeyPatch, kind: type[EnvSettings], variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=rf"^{variable}: not a [^\n]*$") as raised:
        kind()
    assert value not in str(raised.value)


def test_a_number_out_of_range_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAUDIT_API_PORT", "70000")
    with pytest.raises(SettingsError) as raised:
        ApiSettings()
    assert str(raised.value) == "PLAUDIT_API_PORT: must be at most 65535, not 70000"
