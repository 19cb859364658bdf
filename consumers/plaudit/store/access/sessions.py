"""Browser sessions, and the single-use links that begin them.

The database stores the SHA-256 of each token, never the token.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Engine, Row
from sqlalchemy.sql.elements import ColumnElement

from plaudit.records.times import wall_ms
from plaudit.store.access.api_keys import Scope, hashed
from plaudit.store.db.database import reading, translated
from plaudit.store.db.session_tables import SESSIONS, SIGN_IN_LINKS
from plaudit.store.db.tables import API_KEYS
from plaudit.store.endpoints.spec import uuid_text

LONGEST_AGENT: Final = 200
RETENTION_MS: Final = 7 * 24 * 3_600_000
"""Retention of sessions that have ended."""
_USED_EVERY_MS: Final = 60_000
"""Precision of `used_at`, so that not every page view writes a row."""


class WebApp(StrEnum):
    """The application that a session belongs to."""

    CONSOLE = "console"  # for the people who run an installation
    PORTAL = "portal"  # for the people of one workspace


class NoSuchSession(LookupError):
    """The session id is unknown."""

    def __init__(self, session_id: str) -> None:
        super().__init__(f"no session {session_id}")


@dataclass(frozen=True, slots=True)
class SessionGrant:
    """Permissions of a session, and its appearance.

    Attributes:
        web_app: application.
        name: display name of the person or the key.
        scope: permissions; `read` without a workspace reads everything.
        workspace_id: workspace of the session; None means all.
        key_id: API key behind the session, which ends with the key.
        pages: pages that the session may open; empty means all.
        return_url: address of the embedding application.
        theme: `name`, `logo` and `accent` of the embedding application.
    """

    web_app: WebApp
    name: str
    scope: Scope
    workspace_id: str | None = None
    key_id: str | None = None
    pages: tuple[str, ...] = ()
    return_url: str | None = None
    theme: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Session:
    """A session, without its token; times in epoch milliseconds."""

    session_id: str
    grant: SessionGrant
    address: str
    agent: str
    created_at: int
    used_at: int
    expires_at: int
    revoked_at: int | None


class SessionService:
    """Opens, finds and revokes sessions; makes and redeems links.

    Args:
        engine: database.
        now_ms: clock in epoch milliseconds.
    """

    def __init__(self, engine: Engine, now_ms: Callable[[], int] = wall_ms) -> None:
        self._engine = engine
        self._now_ms = now_ms

    def open(
        self, grant: SessionGrant, lifetime_ms: int, *, address: str = "", agent: str = ""
    ) -> tuple[Session, str]:
        """Open a session; return it with its token, which the database does not keep.

        Raises:
            DatabaseFailure: the session was not stored.
        """
        token, now = secrets.token_urlsafe(32), self._now_ms()
        agent = agent[:LONGEST_AGENT]
        session_id = str(uuid.uuid4())
        session = Session(session_id, grant, address, agent, now, now, now + lifetime_ms, None)
        row = {
            **_columns(grant),
            "session_id": session_id,
            "hash": hashed(token),
            "address": address,
            "agent": agent,
            "created_at": now,
            "used_at": now,
            "expires_at": session.expires_at,
        }
        with translated(), self._engine.begin() as connection:
            connection.execute(SESSIONS.delete().where(SESSIONS.c.expires_at < now - RETENTION_MS))
            connection.execute(SESSIONS.insert().values(row))
        return session, token

    def find(self, web_app: WebApp, token: str) -> Session | None:
        """Return the valid session of a token; None if it has ended, or its key was revoked.

        Raises:
            DatabaseFailure: the database is not available.
        """
        now = self._now_ms()
        query = (
            sa.select(SESSIONS)
            .outerjoin(API_KEYS, API_KEYS.c.key_id == SESSIONS.c.key_id)
            .where(
                SESSIONS.c.hash == hashed(token),
                SESSIONS.c.face == str(web_app),
                SESSIONS.c.expires_at > now,
                SESSIONS.c.revoked_at.is_(None),
                API_KEYS.c.revoked_at.is_(None),
            )
        )
        with reading(self._engine) as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        session = _session(row)
        if now - session.used_at > _USED_EVERY_MS:
            self._change(session.session_id, used_at=now)
        return session

    def list(
        self, workspace_id: str | None = None, text: str | None = None, limit: int | None = None
    ) -> Sequence[Session]:
        """Return the sessions that are valid, latest first.

        Args:
            workspace_id: only sessions of this workspace.
            text: only sessions whose person or key has this text in its name.
            limit: maximum number of sessions.
        """
        query = (
            sa.select(SESSIONS)
            .where(*self._valid(workspace_id, text))
            .order_by(SESSIONS.c.created_at.desc(), SESSIONS.c.session_id)
            .limit(limit)
        )
        with reading(self._engine) as connection:
            return [_session(row) for row in connection.execute(query)]

    def revoke_all(self, workspace_id: str | None, text: str, but: str) -> int:
        """End all sessions that `list` returns except `but`; return their number.

        Raises:
            DatabaseFailure: all sessions are still valid.
        """
        change = (
            SESSIONS.update()
            .where(*self._valid(workspace_id, text), SESSIONS.c.session_id != but)
            .values(revoked_at=self._now_ms())
        )
        with translated(), self._engine.begin() as connection:
            return connection.execute(change).rowcount

    def _valid(self, workspace_id: str | None, text: str | None) -> Sequence[ColumnElement[bool]]:
        conditions = [SESSIONS.c.expires_at > self._now_ms(), SESSIONS.c.revoked_at.is_(None)]
        if workspace_id is not None:
            conditions.append(SESSIONS.c.workspace_id == workspace_id)
        if text is not None:
            name = sa.func.lower(SESSIONS.c.name)
            conditions.append(name.contains(text.lower(), autoescape=True))
        return conditions

    def revoke(self, session_id: str, workspace_id: str | None = None) -> None:
        """End a session with immediate effect. Idempotent.

        Args:
            session_id: id of the session.
            workspace_id: restricts the call to this workspace.

        Raises:
            NoSuchSession: the id is unknown, or belongs to another workspace.
        """
        wanted = uuid_text("session", session_id)
        query = sa.select(SESSIONS.c.workspace_id).where(SESSIONS.c.session_id == wanted)
        with reading(self._engine) as connection:
            found = connection.execute(query).one_or_none()
        if found is None or workspace_id not in {None, found.workspace_id}:
            raise NoSuchSession(session_id)
        self._change(wanted, revoked_at=self._now_ms())

    def create_link(self, grant: SessionGrant, link_ms: int, session_ms: int) -> tuple[str, int]:
        """Create a link; return its token, which the database does not keep, and its expiry.

        Args:
            grant: permissions of its session.
            link_ms: lifetime of the link.
            session_ms: lifetime of the session.

        Raises:
            DatabaseFailure: the link was not stored.
        """
        token, now = secrets.token_urlsafe(32), self._now_ms()
        row = {
            **_columns(grant),
            "link_id": str(uuid.uuid4()),
            "hash": hashed(token),
            "session_ms": session_ms,
            "created_at": now,
            "expires_at": now + link_ms,
        }
        old = SIGN_IN_LINKS.delete().where(SIGN_IN_LINKS.c.expires_at <= now)
        with translated(), self._engine.begin() as connection:
            connection.execute(old)
            connection.execute(SIGN_IN_LINKS.insert().values(row))
        return token, now + link_ms

    def find_link(self, web_app: WebApp, token: str) -> SessionGrant | None:
        """Return the permissions behind a link; None if it was used, has expired or is unknown.

        Raises:
            DatabaseFailure: the database is not available.
        """
        with reading(self._engine) as connection:
            row = connection.execute(self._valid_link(web_app, token)).one_or_none()
        return None if row is None else _grant(row)

    def redeem(
        self, web_app: WebApp, token: str, *, address: str = "", agent: str = ""
    ) -> tuple[Session, str] | None:
        """Exchange a link for a session, once; None if it was used, has expired or is unknown.

        Raises:
            DatabaseFailure: the link may still be used.
        """
        with translated(), self._engine.begin() as connection:
            row = connection.execute(self._valid_link(web_app, token)).one_or_none()
            if row is None:
                return None
            used = SIGN_IN_LINKS.delete().where(SIGN_IN_LINKS.c.link_id == row.link_id)
            # Of two simultaneous requests, only one deletes the row.
            if not connection.execute(used).rowcount:
                return None
        return self.open(_grant(row), row.session_ms, address=address, agent=agent)

    def _valid_link(self, web_app: WebApp, token: str) -> sa.Select[Any]:
        return sa.select(SIGN_IN_LINKS).where(
            SIGN_IN_LINKS.c.hash == hashed(token),
            SIGN_IN_LINKS.c.face == str(web_app),
            SIGN_IN_LINKS.c.expires_at > self._now_ms(),
        )

    def _change(self, session_id: str, **values: int) -> None:
        change = SESSIONS.update().where(SESSIONS.c.session_id == session_id).values(values)
        with translated(), self._engine.begin() as connection:
            connection.execute(change)


def _columns(grant: SessionGrant) -> dict[str, Any]:
    columns = asdict(grant)
    del columns["web_app"]
    return {
        **columns,
        "face": str(grant.web_app),
        "scope": str(grant.scope),
        "pages": list(grant.pages),
        "theme": dict(grant.theme),
    }


def _grant(row: Row[Any]) -> SessionGrant:
    return SessionGrant(
        WebApp(row.face),
        row.name,
        Scope(row.scope),
        row.workspace_id,
        row.key_id,
        tuple(row.pages),
        row.return_url,
        row.theme,
    )


def _session(row: Row[Any]) -> Session:
    return Session(
        row.session_id,
        _grant(row),
        row.address,
        row.agent,
        row.created_at,
        row.used_at,
        row.expires_at,
        row.revoked_at,
    )
