"""API keys: shown once, stored as a hash, and limited to one workspace or valid for all."""

from __future__ import annotations

import base64
import hashlib
import os
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Engine, Row

from plaudit.records.times import wall_ms
from plaudit.store.audit.record import record_change
from plaudit.store.db.database import reading, translated
from plaudit.store.db.tables import API_KEYS
from plaudit.store.endpoints.idempotency_seed import IdempotencySeed
from plaudit.store.endpoints.spec import LONGEST_NAME, InputRefused, printable, uuid_text

PREFIX: Final = "plk_"
_RANDOM_BYTES: Final = 32
_HINT: Final = 4
CACHE_S: Final = 1.0
"""Seconds for which a key is cached; other processes accept a revoked key for this long."""
_REMEMBERED: Final = 10_000
_USED_EVERY_MS: Final = 60_000
"""Precision of `used_at`, so that not every request writes a row."""


class Scope(StrEnum):
    """Permissions of a key."""

    ADMIN = "admin"  # everything, in every workspace
    WORKSPACE = "workspace"  # read and write in one workspace
    READ = "read"  # read in one workspace


class NoSuchKey(LookupError):
    """The key id is unknown."""

    def __init__(self, key_id: str) -> None:
        super().__init__(f"no API key {key_id}; see `plaudit keys list`")


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key, without its secret; times in epoch milliseconds.

    Attributes:
        workspace_id: workspace of the key; None for an admin key.
        hint: its last characters, for recognition.
    """

    key_id: str
    scope: Scope
    workspace_id: str | None
    name: str
    hint: str
    created_at: int
    used_at: int | None
    revoked_at: int | None


class KeyService:
    """Creates, finds and revokes keys.

    Args:
        engine: database.
        clock: monotonic clock in seconds.
    """

    def __init__(self, engine: Engine, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._clock = clock
        self._known: dict[str, tuple[float, ApiKey]] = {}

    def create(
        self,
        scope: Scope,
        workspace_id: str | None,
        name: str,
        idempotency: IdempotencySeed | None = None,
    ) -> tuple[ApiKey, str]:
        """Create a key; return it with its secret text, which the database does not keep.

        Args:
            scope: permissions.
            workspace_id: workspace; None means all.
            name: display name.
            idempotency: seed of an idempotent request.

        Raises:
            InputRefused: the workspace is missing or superfluous, or the name is not valid.
            DatabaseFailure: nothing was created.
        """
        if (scope is Scope.ADMIN) != (workspace_id is None):
            needs = (
                "an admin key has no workspace"
                if scope is Scope.ADMIN
                else f"a key of scope {scope} needs a workspace (--workspace UUID)"
            )
            raise InputRefused("workspace", needs)
        if not printable(name):
            raise InputRefused("name", f"must be 1 to {LONGEST_NAME} printable characters")
        workspace = None if workspace_id is None else uuid_text("workspace", workspace_id)
        random = os.urandom(_RANDOM_BYTES) if idempotency is None else idempotency.derive("key")
        text = PREFIX + base64.urlsafe_b64encode(random).decode().rstrip("=")
        key_id = str(uuid.uuid4()) if idempotency is None else idempotency.uuid("key")
        key = ApiKey(key_id, scope, workspace, name, text[-_HINT:], wall_ms(), None, None)
        row = {
            "key_id": key.key_id,
            "hash": hashed(text),
            "scope": str(scope),
            "workspace_id": workspace,
            "name": name,
            "hint": key.hint,
            "created_at": key.created_at,
        }
        mine = sa.select(API_KEYS).where(API_KEYS.c.key_id == key_id)
        with translated(), self._engine.begin() as connection:
            before = None if idempotency is None else connection.execute(mine).one_or_none()
            if before is None:
                connection.execute(API_KEYS.insert().values(row))
                given = {"name": name, "scope": str(scope), "hint": key.hint}
                record_change(connection, "key.created", key_id, workspace, None, given)
        return (key if before is None else _key(before)), text

    def list(self, workspace_id: str | None = None) -> Sequence[ApiKey]:
        """Return all keys, or those of one workspace, in order of creation."""
        query = sa.select(API_KEYS).order_by(API_KEYS.c.created_at, API_KEYS.c.key_id)
        if workspace_id is not None:
            workspace = uuid_text("workspace", workspace_id)
            query = query.where(API_KEYS.c.workspace_id == workspace)
        with reading(self._engine) as connection:
            return [_key(row) for row in connection.execute(query)]

    def revoke(self, key_id: str, workspace_id: str | None = None) -> ApiKey:
        """Revoke a key: here at once, in other processes within FRESH_S. Idempotent.

        Args:
            key_id: id of the key.
            workspace_id: restricts the call to this workspace.

        Raises:
            NoSuchKey: the id is unknown.
        """
        wanted = uuid_text("key", key_id)
        mine = [API_KEYS.c.key_id == wanted]
        if workspace_id is not None:
            mine.append(API_KEYS.c.workspace_id == workspace_id)
        with translated(), self._engine.begin() as connection:
            done = connection.execute(
                API_KEYS.update()
                .where(*mine, API_KEYS.c.revoked_at.is_(None))
                .values(revoked_at=wall_ms())
            )
            row = connection.execute(sa.select(API_KEYS).where(*mine)).one_or_none()
            if row is not None and done.rowcount:
                given = {"name": row.name, "scope": row.scope, "hint": row.hint}
                record_change(connection, "key.revoked", wanted, row.workspace_id, given, None)
        self._known.clear()
        if row is None:
            raise NoSuchKey(key_id)
        return _key(row)

    def cached(self, text: str) -> ApiKey | None:
        """Return a recently found key from the cache; never blocks."""
        found = self._known.get(hashed(text))
        if found is None or self._clock() - found[0] >= CACHE_S:
            return None
        return found[1]

    def find(self, text: str) -> ApiKey | None:
        """Return the key with this text, if it is valid and not revoked.

        Raises:
            DatabaseFailure: the database is not available.
        """
        asked_s, name = self._clock(), hashed(text)
        query = sa.select(API_KEYS).where(API_KEYS.c.hash == name, API_KEYS.c.revoked_at.is_(None))
        with reading(self._engine) as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        key = _key(row)
        if key.used_at is None or wall_ms() - key.used_at > _USED_EVERY_MS:
            self._used(key)
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[name] = asked_s, key
        return key

    def _used(self, key: ApiKey) -> None:
        with translated(), self._engine.begin() as connection:
            connection.execute(
                API_KEYS.update().where(API_KEYS.c.key_id == key.key_id).values(used_at=wall_ms())
            )


def hashed(text: str) -> str:
    """Return the hash to store; a random key needs neither a salt nor a slow hash."""
    return hashlib.sha256(text.encode()).hexdigest()


def _key(row: Row[Any]) -> ApiKey:
    return ApiKey(
        row.key_id,
        Scope(row.scope),
        row.workspace_id,
        row.name,
        row.hint,
        row.created_at,
        row.used_at,
        row.revoked_at,
    )
