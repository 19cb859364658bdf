"""HTTP client made from the settings, and errors that name the variable of an invalid value."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from plaudit.deliver.http_client import make_context
from plaudit.deliver.settings import DeliverSettings, HttpSettings
from plaudit.kafka.errors import SettingsError


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SECRET_KEY", "sesame"),
        ("PROXY_URL", "http://user:sesame@proxy/path"),
        ("PROXY_URL", "socks5://user:sesame@proxy"),
        ("PROXY_RESOLVES", "sometimes"),
        ("ALLOW_NETWORKS", "everywhere"),
        ("ENDPOINT_IN_FLIGHT", "0"),
        ("SCHEMA_WAIT", "soon"),
        ("METRICS_PORT", "65536"),
    ],
)
def test_an_invalid_value_is_refused_by_its_variable_and_without_secrets(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(f"PLAUDIT_{variable}", value)
    with pytest.raises(SettingsError) as refused:
        _ = DeliverSettings().seal.keys
    assert f"PLAUDIT_{variable}" in str(refused.value)
    assert "sesame" not in str(refused.value)


def test_no_variable_belongs_to_two_concerns() -> None:
    concerns = [type(getattr(DeliverSettings(), each.name)) for each in fields(DeliverSettings)]
    assert len(concerns) == 5
    variables = Counter(name for concern in concerns for name in concern.model_fields)
    assert variables.most_common(1)[0][1] == 1


def test_the_password_of_a_proxy_is_never_printed_with_the_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PLAUDIT_PROXY_URL", "http://user:sesame@proxy.example:3128")
    settings = HttpSettings()
    assert settings.proxy is not None
    assert settings.proxy.authorization
    for text in (repr(settings), settings.model_dump_json(), repr(settings.proxy)):
        assert "sesame" not in text


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """A certificate, its key, the key encrypted, and other files."""
    issued = trustme.CA().issue_cert("client.example")
    found = {name: tmp_path / name for name in ("chain", "key", "locked", "nonsense", "absent")}
    issued.cert_chain_pems[0].write_to_path(found["chain"])
    issued.private_key_pem.write_to_path(found["key"])
    key = load_pem_private_key(issued.private_key_pem.bytes(), None)
    locked = BestAvailableEncryption(b"sesame")
    found["locked"].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked))
    found["nonsense"].write_text("nonsense")
    return found


def with_files(
    monkeypatch: pytest.MonkeyPatch, files: dict[str, Path], **wanted: str
) -> HttpSettings:
    for name, file in wanted.items():
        monkeypatch.setenv(f"PLAUDIT_TLS_{name.upper()}_FILE", str(files[file]))
    return HttpSettings()


@pytest.mark.parametrize(
    ("wanted", "variable"),
    [
        ({"ca": "absent"}, "PLAUDIT_TLS_CA_FILE"),
        ({"ca": "nonsense"}, "PLAUDIT_TLS_CA_FILE"),
        ({"certificate": "absent"}, "PLAUDIT_TLS_CERTIFICATE_FILE"),
        ({"certificate": "chain"}, "PLAUDIT_TLS_CERTIFICATE_FILE"),
        ({"certificate": "chain", "key": "nonsense"}, "PLAUDIT_TLS_CERTIFICATE_FILE"),
        ({"certificate": "chain", "key": "locked"}, "PLAUDIT_TLS_CERTIFICATE_FILE"),
        ({"key": "key"}, "PLAUDIT_TLS_KEY_FILE"),
    ],
)
def test_an_unusable_file_is_reported_with_its_variable(
    monkeypatch: pytest.MonkeyPatch, files: dict[str, Path], wanted: dict[str, str], variable: str
) -> None:
    settings = with_files(monkeypatch, files, **wanted)
    with pytest.raises(SettingsError) as refused:
        make_context(settings)
    assert variable in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_certificate_with_its_key_is_accepted(
    monkeypatch: pytest.MonkeyPatch, files: dict[str, Path]
) -> None:
    make_context(with_files(monkeypatch, files, certificate="chain", key="key", ca="chain"))
