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
        (ApiSettings, "PLAUDIT_API_PORT", "0"),
        (ApiSettings, "PLAUDIT_API_RATE_LIMIT", "many"),
        (RecorderSettings, "PLAUDIT_LOG_DAYS", "x"),
    ],
)
def test_the_variable_is_named_and_its_value_is_not(
    monkeypatch: pytest.MonkeyPatch, kind: type[EnvSettings], variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=rf"^{variable}: (must be|not a) [^\n]*$"):
        kind()
