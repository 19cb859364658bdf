"""Endpoints come back from the records of the topic into a database that lost them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy.engine import Engine

from endpoint_records import endpoint_value
from plaudit.endpoints.binding import bind
from plaudit.endpoints.keys import SecretKeys
from plaudit.endpoints.opening import unseal
from plaudit.endpoints.signing import new_secret
from plaudit.store.endpoints import rows
from plaudit.store.endpoints.restore import (
    UNSIGNED,
    DatabaseNotEmpty,
    plan_restoration,
    restore,
)
from plaudit.store.endpoints.rows import StoredEndpoint, disabled, record_of
from plaudit.store.endpoints.spec import EndpointSpec
from plaudit.store.endpoints.transitions import new_endpoint
from store.test_service import URL, WORKSPACE
from store.unreachable import KEYS

OTHER = SecretKeys([os.urandom(32)])
NOW_MS = 1_795_000_000_000


def made(**given: Any) -> StoredEndpoint:
    """Return an endpoint, as a database had it."""
    endpoint_id = str(uuid4())
    spec = EndpointSpec(URL, **given)
    return new_endpoint(KEYS, spec, WORKSPACE, endpoint_id, new_secret(), NOW_MS)


@pytest.fixture
def lost() -> list[StoredEndpoint]:
    """Endpoints of a lost database, one of them disabled."""
    wanted = made(
        types=("testimonial.approved",),
        name="crm",
        rate_limit=5.0,
        content_filter='{"field": "testimonial.rating.value", "gt": 3}',
        signing="both",
    )
    other = disabled(made(), "moved away", NOW_MS)
    return sorted((wanted, other), key=lambda each: each.endpoint_id)


def topic(lost: Iterable[StoredEndpoint]) -> dict[str, bytes]:
    """Return what the topic of endpoints holds."""
    return {each.endpoint_id: bind(record_of(each), KEYS) for each in lost}


def known(engine: Engine) -> list[StoredEndpoint]:
    with engine.connect() as connection:
        return list(rows.find_all(connection))


def test_everything_but_the_names_is_restored_and_secrets_open(
    engine: Engine, lost: list[StoredEndpoint]
) -> None:
    found = plan_restoration(topic(lost), KEYS)
    assert not found.skipped
    restored = restore(engine, found.endpoints, merge=False)
    expected = [replace(each, name=None, announced=True) for each in lost]
    assert known(engine) == expected == restored
    for each in restored:
        assert unseal(KEYS, each.endpoint_id, each.sealed).url == URL


def test_a_database_with_endpoints_is_refused_unless_they_are_merged(
    engine: Engine, lost: list[StoredEndpoint]
) -> None:
    first, second = plan_restoration(topic(lost), KEYS).endpoints
    changed = replace(first, rate_limit=77.0)
    restore(engine, [changed], merge=False)
    with pytest.raises(DatabaseNotEmpty, match="already contains 1 endpoints; --merge adds"):
        restore(engine, [first, second], merge=False)
    assert restore(engine, [first, second], merge=True) == [second]
    assert changed in known(engine)


def test_a_dry_run_changes_nothing(engine: Engine, lost: list[StoredEndpoint]) -> None:
    found = plan_restoration(topic(lost), KEYS)
    assert len(restore(engine, found.endpoints, merge=False, dry_run=True)) == 2
    assert not known(engine)


def test_fields_sealed_with_a_missing_key_stay_unchanged(lost: list[StoredEndpoint]) -> None:
    found = plan_restoration(topic(lost), OTHER)
    assert sorted(each.sealed.blob for each in found.endpoints) == sorted(
        each.sealed.blob for each in lost
    )
    assert len(found.sealed_elsewhere) == 2


def test_records_that_cannot_be_believed_are_skipped_with_the_reason(
    lost: list[StoredEndpoint],
) -> None:
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
