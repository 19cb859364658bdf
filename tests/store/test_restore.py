"""Endpoints come back from the records of the topic into a database that lost them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy.engine import Engine

from endpoint_records import endpoint_value
from plaudit.endpoints.binding import bind
from plaudit.endpoints.keys import SecretKeys
from plaudit.kafka.settings import KafkaSettings
from plaudit.store.db.database import open_database
from plaudit.store.endpoints import rows
from plaudit.store.endpoints.relay import Relay
from plaudit.store.endpoints.restore import (
    UNSIGNED,
    DatabaseNotEmpty,
    plan_restoration,
    restore,
)
from plaudit.store.endpoints.rows import StoredEndpoint, record_of
from plaudit.store.endpoints.service import EndpointService
from plaudit.store.endpoints.spec import EndpointSpec, Rules
from plaudit.transport.addresses import AddressPolicy
from store.test_service import KEYS, URL, WORKSPACE, away, service

__all__ = ["service"]

OTHER = SecretKeys([os.urandom(32)])


def topic(engine: Engine) -> dict[str, bytes]:
    """Return what the topic of endpoints holds."""
    with engine.connect() as connection:
        found = rows.find_all(connection)
    return {each.endpoint_id: bind(record_of(each), KEYS) for each in found}


@pytest.fixture
def lost(tmp_path: Path, settings: KafkaSettings) -> Iterator[Engine]:
    """A database with two endpoints, one of them disabled, before it is lost."""
    made = open_database(f"sqlite:///{tmp_path / 'lost.db'}")
    producer, name = away()
    rules = Rules(AddressPolicy(), settings.tiers)
    owner = EndpointService(made, KEYS, Relay(made, producer, name, KEYS), rules, announce_s=0)
    spec = EndpointSpec(
        URL,
        ("testimonial.approved",),
        name="crm",
        rate_limit=5.0,
        content_filter='{"field": "testimonial.rating.value", "gt": 3}',
        signing="both",
    )
    owner.add(WORKSPACE, spec)
    owner.disable(owner.add(str(uuid4()), EndpointSpec(URL)).endpoint.endpoint_id, "moved away")
    yield made
    producer.close(0)
    made.dispose()


def known(engine: Engine) -> list[StoredEndpoint]:
    with engine.connect() as connection:
        return list(rows.find_all(connection))


def test_everything_but_the_names_comes_back_and_secrets_open(
    engine: Engine, lost: Engine, service: EndpointService
) -> None:
    found = plan_restoration(topic(lost), KEYS)
    assert not found.skipped
    restored = restore(engine, found.endpoints, merge=False)
    expected = [replace(each, name=None, announced=True) for each in known(lost)]
    assert known(engine) == expected
    assert len(restored) == 2
    [mine] = service.list(WORKSPACE)
    assert service.private(mine).url == URL
    assert len(service.public_keys(mine)) == 1
    assert service.update(mine.endpoint_id, service.wanted(mine)).endpoint.version >= mine.version


def test_a_database_with_endpoints_is_refused_unless_they_are_merged(
    engine: Engine, lost: Engine
) -> None:
    first, second = plan_restoration(topic(lost), KEYS).endpoints
    changed = replace(first, rate_limit=77.0)
    restore(engine, [changed], merge=False)
    with pytest.raises(DatabaseNotEmpty, match="already contains 1 endpoints; --merge adds"):
        restore(engine, [first, second], merge=False)
    assert restore(engine, [first, second], merge=True) == [second]
    assert changed in known(engine)


def test_a_dry_run_changes_nothing(engine: Engine, lost: Engine) -> None:
    found = plan_restoration(topic(lost), KEYS)
    assert len(restore(engine, found.endpoints, merge=False, dry_run=True)) == 2
    assert not known(engine)


def test_what_is_sealed_with_a_missing_key_is_kept_as_it_is(lost: Engine) -> None:
    found = plan_restoration(topic(lost), OTHER)
    assert sorted(each.sealed.blob for each in found.endpoints) == sorted(
        each.sealed.blob for each in known(lost)
    )
    assert len(found.sealed_elsewhere) == 2


def test_records_that_cannot_be_believed_are_skipped_with_the_reason(lost: Engine) -> None:
    [genuine, other] = topic(lost).items()
    endpoint_id, value = genuine
    changed = bytearray(value)
    changed[-1] ^= 1
    old = str(uuid4())
    values = {
        endpoint_id: bytes(changed),
        "somewhere else": other[1],
        "odd": b"odd",
        old: endpoint_value(old, WORKSPACE),
    }
    found = plan_restoration(values, KEYS)
    assert not found.endpoints
    reasons = dict(found.skipped)
    assert reasons[endpoint_id] == "its signature is wrong: the record was changed"
    assert reasons["somewhere else"] == "its key names another endpoint"
    assert reasons["odd"].startswith("it can't be read")
    assert reasons[old] == UNSIGNED
    assert [
        each.endpoint_id for each in plan_restoration(values, KEYS, unsigned=True).endpoints
    ] == [old]
