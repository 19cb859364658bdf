"""Variables that Kubernetes makes from the names of Services are not settings."""

from __future__ import annotations

import os
import re
from collections.abc import Callable

import pytest

from plaudit.api.settings import ApiSettings
from plaudit.deliver.settings import DeliverSettings
from plaudit.kafka.errors import SettingsError
from plaudit.kafka.identity import client_id, set_role
from plaudit.kafka.service_links import is_service_link
from plaudit.kafka.settings import KafkaSettings
from plaudit.outbox.settings import OutboxSettings
from plaudit.store.db.database import DatabaseSettings

SERVICES = (
    "KAFKA",
    "KAFKA_BOOTSTRAP",
    "KAFKA_BROKERS",
    "API",
    "METRICS",
    "OUTBOX_METRICS",
    "DATABASE",
)
ALL: tuple[Callable[[], object], ...] = (
    KafkaSettings,
    ApiSettings,
    DeliverSettings,
    OutboxSettings,
    DatabaseSettings,
)


def links(service: str) -> dict[str, str]:
    """Return the variables that Kubernetes makes for a Service."""
    name, at = f"PLAUDIT_{service}", "10.96.0.9"
    return {
        f"{name}_SERVICE_HOST": at,
        f"{name}_SERVICE_PORT": "9092",
        f"{name}_SERVICE_PORT_TCP_CLIENTS": "9092",
        f"{name}_PORT": f"tcp://{at}:9092",
        f"{name}_PORT_9092_TCP": f"tcp://{at}:9092",
        f"{name}_PORT_9092_TCP_PROTO": "tcp",
        f"{name}_PORT_9092_TCP_PORT": "9092",
        f"{name}_PORT_9092_TCP_ADDR": at,
    }


@pytest.mark.parametrize("service", SERVICES)
def test_they_stop_no_process(monkeypatch: pytest.MonkeyPatch, service: str) -> None:
    before = [kind() for kind in ALL]
    for name, value in links(service).items():
        assert is_service_link(name, value), name
        monkeypatch.setenv(name, value)
    assert [kind() for kind in ALL] == before


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PLAUDIT_METRICS_PORT", "9464"), ("PLAUDIT_API_PORT", "x"),
        ("PLAUDIT_KAFKA_SASL_MECHANISM", "PLAIN"), ("PLAUDIT_API_HOST", "::1"),
        ("PLAUDIT_DATABASE_URL", "postgresql://db:5432/x"),
    ],
)  # fmt: skip
def test_a_setting_is_not_taken_for_a_service_link(name: str, value: str) -> None:
    assert not is_service_link(name, value)


def test_a_wrong_setting_is_still_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAUDIT_METRICS_PORT", "x")
    with pytest.raises(SettingsError, match=r"^PLAUDIT_METRICS_PORT: not a whole number$"):
        DeliverSettings()


def test_brokers_can_distinguish_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    set_role("deliver")
    name = KafkaSettings(bootstrap_servers="b:1").client_config()["client.id"]
    assert name == client_id()
    assert re.fullmatch(rf"plaudit-deliver-[A-Za-z0-9._-]+-{os.getpid()}", str(name))
    monkeypatch.setenv("PLAUDIT_KAFKA_CLIENT_ID", "mine")
    assert KafkaSettings(bootstrap_servers="b:1").client_config()["client.id"] == "mine"
