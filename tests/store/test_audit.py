"""The audit log: each change with its actor, in the transaction of the change, without secrets."""

from __future__ import annotations

import json
import uuid

import pytest
from sqlalchemy.engine import Engine

from plaudit.store.access.api_keys import KeyService, Scope
from plaudit.store.audit.actor import Actor, ActorKind, acting, current_actor
from plaudit.store.audit.record import record_change
from plaudit.store.audit.search import AuditEntry, AuditQuery, export_entries, find_entries
from plaudit.store.db.database import reading

WORKSPACE = str(uuid.uuid4())
KEY = Actor(ActorKind.KEY, "key-1", "203.0.113.9")


def entries(engine: Engine, query: AuditQuery | None = None) -> list[AuditEntry]:
    """Return all entries, newest first."""
    return list(export_entries(engine, query or AuditQuery()))


def test_a_key_is_recorded_with_its_actor_and_without_its_secret(engine: Engine) -> None:
    with acting(KEY):
        key, secret = KeyService(engine).create(Scope.WORKSPACE, WORKSPACE, "crm")
    KeyService(engine).revoke(key.key_id)
    KeyService(engine).revoke(key.key_id)
    revoked, created = entries(engine)
    assert (created.action, created.target, created.workspace_id) == (
        "key.created", key.key_id, WORKSPACE,
    )  # fmt: skip
    assert (created.actor_kind, created.actor_id, created.address) == ("key", "key-1", KEY.address)
    assert created.before is None
    assert created.after == {"name": "crm", "scope": "workspace", "hint": secret[-4:]}
    assert revoked.action == "key.revoked"
    assert revoked.actor_kind == "command"
    assert secret not in json.dumps([each.plain() for each in (revoked, created)])


def test_a_change_that_fails_leaves_no_entry(engine: Engine) -> None:
    def halfway() -> None:
        with engine.begin() as connection:
            record_change(connection, "endpoint.updated", "e", WORKSPACE, {"a": 1}, {"a": 2})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        halfway()
    assert entries(engine) == []


def test_only_the_fields_that_differ_are_kept(engine: Engine) -> None:
    with engine.begin() as connection:
        record_change(connection, "x.updated", "1", None, {"a": 1, "b": 2}, {"a": 1, "b": 3})
        record_change(connection, "x.updated", "2", None, {"a": 1}, {"a": 1})
    [only] = entries(engine)
    assert (only.before, only.after) == ({"b": 2}, {"b": 3})


def test_filters_and_pages_find_each_entry_once(engine: Engine) -> None:
    with engine.begin() as connection:
        for number in range(7):
            workspace = WORKSPACE if number % 2 else None
            record_change(connection, f"x.{number}", f"t{number}", workspace, None, {"n": number})
    seen: list[str] = []
    cursor = None
    while True:
        with reading(engine) as connection:
            page = find_entries(connection, AuditQuery(), limit=3, cursor=cursor)
        seen += [each.target for each in page.entries]
        cursor = page.cursor
        if cursor is None:
            break
    assert seen == [f"t{number}" for number in reversed(range(7))]
    mine = entries(engine, AuditQuery(workspace_id=WORKSPACE))
    assert [each.target for each in mine] == ["t5", "t3", "t1"]
    assert [each.action for each in entries(engine, AuditQuery(target="t2"))] == ["x.2"]
    assert entries(engine, AuditQuery(until_ms=1)) == []


def test_the_actor_ends_with_its_block() -> None:
    with acting(KEY):
        assert current_actor() == KEY
    assert current_actor().kind is ActorKind.COMMAND
