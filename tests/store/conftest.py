"""A real Postgres for the store's tests: the one that is named, or one started here."""

from __future__ import annotations

import os
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy.engine import Engine

from conftest import TEST_POSTGRES
from databases import new_postgres, new_sqlite
from plaudit.kafka.settings import KafkaSettings
from plaudit.store.endpoints.relay import Relay
from plaudit.store.endpoints.service import EndpointService
from plaudit.store.endpoints.spec import Rules
from plaudit.transport.addresses import AddressPolicy
from postgres import LocalPostgres
from store.unreachable import KEYS, UnreachableBrokers


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a database whose user may create others."""
    named = os.environ.get(TEST_POSTGRES)
    if named is not None:
        yield named
        return
    server: LocalPostgres = request.getfixturevalue("postgres_server")
    yield server.url()


@pytest.fixture(params=["sqlite", "postgres"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An empty database with the tables of this release."""
    if request.param == "sqlite":
        made = new_sqlite(tmp_path / "plaudit.db")
        yield made
        made.dispose()
    else:
        with new_postgres(request.getfixturevalue("postgres")) as made:
            yield made


@pytest.fixture
def service(engine: Engine) -> EndpointService:
    """A service whose brokers are away."""
    tiers = KafkaSettings(bootstrap_servers="127.0.0.1:1").tiers
    rules = Rules(AddressPolicy((ip_network("127.0.0.0/8"),)), tiers)
    return EndpointService(engine, KEYS, cast("Relay", UnreachableBrokers()), rules)
