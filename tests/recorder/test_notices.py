"""Notices: signed, to the workspace's notification endpoint, until they were taken."""

from __future__ import annotations

import base64
import json
import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from standardwebhooks import Webhook

from databases import new_sqlite
from e2e.sink import Behave, Sink, always, good
from plaudit.deliver.settings import DeliverSettings, HttpSettings, SealSettings
from plaudit.endpoints.keys import SecretKeys
from plaudit.endpoints.opening import EncryptedFields, seal
from plaudit.endpoints.signing import Secret, new_secret
from plaudit.recorder.notices import Notifier
from plaudit.store.db.database import reading
from plaudit.store.db.tables import NOTICES, WORKSPACES
from plaudit.store.endpoints import rows
from plaudit.store.endpoints.rows import StoredEndpoint

KEY = os.urandom(32)
WORKSPACE = str(uuid.uuid4())
SECRET = new_secret()
NOW = int(time.time() * 1_000)


@pytest.fixture
def sink() -> Iterator[Sink]:
    """The owner's ears."""
    with Sink() as made:
        yield made


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """An empty database."""
    made = new_sqlite(tmp_path / "plaudit.db")
    yield made
    made.dispose()


def notifier(engine: Engine) -> Notifier:
    """Return a notifier that may reach loopback."""
    seal = SealSettings.model_validate({"secret_key": base64.b64encode(KEY).decode()})
    http = HttpSettings.model_validate({"allow_networks": "127.0.0.0/8"})
    return Notifier(engine, DeliverSettings(seal, http))


def due(engine: Engine, sink: Sink, behave: Behave, *, created_at: int = NOW) -> None:
    """Put a notice and its target into the database."""
    endpoint_id = str(uuid.uuid4())
    private = EncryptedFields(sink.on("owner", behave), {}, [Secret(SECRET)])
    sealed = seal(SecretKeys([KEY]), endpoint_id, private)
    target = StoredEndpoint(
        endpoint_id, WORKSPACE, None, 1, sealed, (), (), "standard", None, None, "active", None,
        None, 0, announced=True, created_at=0, updated_at=0,
    )  # fmt: skip
    with engine.begin() as connection:
        rows.insert(connection, target)
        connection.execute(
            WORKSPACES.insert().values(
                workspace_id=WORKSPACE, notify_endpoint_id=endpoint_id, created_at=0, updated_at=0
            )
        )
        connection.execute(
            NOTICES.insert().values(
                notice_id=str(uuid.uuid4()),
                workspace_id=WORKSPACE,
                type="endpoint.disabled",
                data={"endpoint_id": "e", "reason": "gone"},
                created_at=created_at,
                attempts=0,
                next_at=created_at,
            )
        )


def left(engine: Engine) -> list[int]:
    """Return how often each notice that is left was tried."""
    with reading(engine) as connection:
        return list(connection.execute(sa.select(NOTICES.c.attempts)).scalars())


def test_a_notice_arrives_signed_and_once(engine: Engine, sink: Sink) -> None:
    due(engine, sink, good)
    assert notifier(engine).run() == 1
    [arrived] = sink.arrivals
    body = Webhook(SECRET).verify(arrived.body, arrived.headers)
    assert body["type"] == "endpoint.disabled"
    assert body["data"] == {"workspace_id": WORKSPACE, "endpoint_id": "e", "reason": "gone"}
    assert json.loads(arrived.body)["id"] == arrived.message_id
    assert left(engine) == []
    assert notifier(engine).run() == 0


def test_a_notice_that_fails_waits_and_is_given_up_after_a_day(engine: Engine, sink: Sink) -> None:
    due(engine, sink, always(500))
    assert notifier(engine).run() == 0
    assert left(engine) == [1]
    assert notifier(engine).run() == 0, "not due yet"
    assert len(sink.arrivals) == 1
    with engine.begin() as connection:
        connection.execute(NOTICES.update().values(created_at=0, next_at=0))
    notifier(engine).run()
    assert left(engine) == []


def test_a_notice_without_an_endpoint_is_dropped(engine: Engine, sink: Sink) -> None:
    due(engine, sink, good)
    with engine.begin() as connection:
        connection.execute(WORKSPACES.update().values(notify_endpoint_id=None))
    assert notifier(engine).run() == 0
    assert (left(engine), sink.arrivals) == ([], [])
