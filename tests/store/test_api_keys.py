"""API keys: shown once, found by themselves only, useless once revoked."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from plaudit.store.access.api_keys import CACHE_S, KeyService, NoSuchKey, Scope
from plaudit.store.endpoints.spec import InputRefused

WORKSPACE = "d42b39a4-acb6-49f9-af26-75b156b233f9"


def test_a_key_is_found_by_its_text_which_is_stored_nowhere(engine: Engine) -> None:
    service = KeyService(engine)
    made, text = service.create(Scope.READ, WORKSPACE, "crm")
    found = service.find(text)
    assert found is not None
    assert (found.key_id, found.scope, found.workspace_id) == (made.key_id, Scope.READ, WORKSPACE)
    assert service.find(text + "x") is None
    assert service.find("") is None
    with engine.begin() as connection:
        assert text not in repr(connection.execute(sa.text("SELECT * FROM api_keys")).all())
    [listed] = service.list(WORKSPACE)
    assert listed.used_at is not None, "it was used a moment ago"
    assert text.endswith(listed.hint)


def test_a_revoked_key_is_invalid(engine: Engine) -> None:
    service = KeyService(engine)
    made, text = service.create(Scope.ADMIN, None, "ops")
    with pytest.raises(NoSuchKey):
        service.revoke(made.key_id, WORKSPACE)
    first = service.revoke(made.key_id)
    assert first.revoked_at is not None
    assert service.revoke(made.key_id) == first, "doing it again changes nothing"
    assert service.find(text) is None


@pytest.mark.parametrize(
    ("scope", "workspace", "name", "field"),
    [
        (Scope.ADMIN, WORKSPACE, "x", "workspace"),
        (Scope.READ, None, "x", "workspace"),
        (Scope.WORKSPACE, "here", "x", "workspace"),
        (Scope.WORKSPACE, WORKSPACE, "", "name"),
    ],
)
def test_an_impossible_value_is_refused_by_the_name_of_its_field(
    engine: Engine, scope: Scope, workspace: str | None, name: str, field: str
) -> None:
    with pytest.raises(InputRefused) as refused:
        KeyService(engine).create(scope, workspace, name)
    assert refused.value.field == field


def test_a_key_is_remembered_for_a_second_and_not_after_it_was_revoked(engine: Engine) -> None:
    now_s = [100.0]
    keys = KeyService(engine, clock=lambda: now_s[0])
    key, text = keys.create(Scope.WORKSPACE, WORKSPACE, "crm")
    assert keys.cached(text) is None
    found = keys.find(text)
    assert found is not None
    now_s[0] += CACHE_S - 0.01
    assert keys.cached(text) == found
    assert keys.cached(text + "x") is None
    now_s[0] += 0.01
    assert keys.cached(text) is None
    keys.find(text)
    keys.revoke(key.key_id)
    assert keys.cached(text) is None
    assert keys.find(text) is None
