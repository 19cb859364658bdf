"""Settings: API keys, sessions, notices and the audit log."""

from __future__ import annotations

from typing import Any, Final

import orjson

from plaudit.api.problems import Refused
from plaudit.console.asking import Answer, Ask, Redirected, Shown
from plaudit.console.pages.labels import label_of
from plaudit.console.views.agents import browser_of
from plaudit.console.views.notices import NOTICE_TYPES
from plaudit.records.times import time_text
from plaudit.store.access.api_keys import Scope
from plaudit.store.audit.search import AuditEntry, AuditQuery
from plaudit.store.endpoints.notices import NoticeType
from plaudit.store.endpoints.spec import InputRefused

MOST_SESSIONS: Final = 100
"""Sessions on a page; a search finds the others."""
_TARGET: Final = 60
_TIMES: Final = frozenset({"active_from", "status_since"})
"""Fields in epoch milliseconds."""


def show(ask: Ask) -> Answer:
    """Open the first page of the settings."""
    return Redirected(ask.url("/settings/sessions" if ask.viewer.is_portal else "/settings/keys"))


def show_keys(ask: Ask) -> Answer:
    """Show the API keys to viewers who may create some."""
    ask.viewer.caller.check_writes()
    return _keys(ask, None)


def create(ask: Ask) -> Answer:
    """Create an API key; show it only once."""
    try:
        scope = Scope(ask.given("scope") or "")
        if scope is Scope.ADMIN:
            if not ask.viewer.is_operator:
                raise Refused(
                    403, "only operators can create keys for all workspaces", field="scope"
                )
            workspace = None
        else:
            workspace = ask.viewer.caller.writes(ask.given("workspace"))
            ask.services.api.quotas.check_key(workspace)
        key, text = ask.services.api.keys.create(scope, workspace, ask.given("name") or "")
    except ValueError as error:
        reason = error.reason if isinstance(error, InputRefused) else "choose a scope"
        field = error.field if isinstance(error, InputRefused) else "scope"
        return _keys(ask, f"{field}: {reason}")
    return Shown("key_made.html", {"key": key, "text": text})


def revoke_key(ask: Ask) -> Answer:
    """Revoke a key, which also ends its sessions."""
    ask.services.api.keys.revoke(ask.at["id"], ask.viewer.workspace_id)
    return Redirected(ask.url("/settings/keys", done="revoked"))


def show_sessions(ask: Ask) -> Answer:
    """Show the valid sessions, latest first."""
    text = ask.asked("q")
    found = ask.services.sessions.list(ask.viewer.workspace_id, text, MOST_SESSIONS + 1)
    keys = {each.key_id: each.name for each in ask.services.api.keys.list(ask.viewer.workspace_id)}
    values = {
        "rows": [
            (each, keys.get(each.grant.key_id or ""), browser_of(each.agent))
            for each in found[:MOST_SESSIONS]
        ],
        "more": len(found) > MOST_SESSIONS,
        "most": MOST_SESSIONS,
        "mine": ask.viewer.session.session_id,
        "q": text or "",
    }
    return Shown("sessions.html", values)


def end_sessions(ask: Ask) -> Answer:
    """End all sessions that a search finds, except the viewer's own."""
    text = ask.given("q")
    if text is None:
        raise Refused(422, "search for a person first", field="q")
    own = ask.viewer.session.session_id
    ask.services.sessions.revoke_all(ask.viewer.workspace_id, text, own)
    return Redirected(ask.url("/settings/sessions", q=text, done="ended"))


def revoke_session(ask: Ask) -> Answer:
    """End a session."""
    ask.services.sessions.revoke(ask.at["id"], ask.viewer.workspace_id)
    return Redirected(ask.url("/settings/sessions", done="revoked"))


def show_notices(ask: Ask) -> Answer:
    """Show the endpoint of a workspace's notices."""
    workspace_id = ask.viewer.workspace_id or ask.asked("workspace")
    values: dict[str, Any] = {"workspace_id": workspace_id, "types": NOTICE_TYPES}
    if workspace_id is not None:
        known = ask.services.api.workspaces.get(workspace_id)
        mine = ask.services.api.endpoints.list(workspace_id)
        endpoints = [label_of(ask, each) for each in mine]
        values |= {"known": known, "endpoints": endpoints}
    return Shown("notices.html", values)


def change_notices(ask: Ask) -> Answer:
    """Set the endpoint that receives a workspace's notices, and their types."""
    workspace_id = ask.viewer.caller.writes(ask.given("workspace"))
    endpoint_id = ask.given("endpoint")
    types = [each for each in NoticeType if str(each) in ask.all_given("type")]
    if endpoint_id is not None and not types:
        raise Refused(422, "choose at least one notice, or no endpoint", field="type")
    ask.services.api.workspaces.notify(workspace_id, endpoint_id, types or None)
    asked = workspace_id if ask.viewer.is_operator else None
    return Redirected(ask.url("/settings/notices", workspace=asked, done="chosen"))


def show_audit(ask: Ask) -> Answer:
    """Show the audit log."""
    ask.viewer.caller.check_writes()
    cursor = ask.asked("cursor") or ""
    query = AuditQuery(ask.viewer.workspace_id, target=ask.asked("target"))
    page = ask.services.log.audit(query, int(cursor[:18]) if cursor.isdigit() else None)
    names = _names(ask)
    older = None
    if page.cursor is not None:
        older = ask.url("/settings/audit", target=ask.asked("target"), cursor=page.cursor)
    rows = [
        (each, each.actor_name or names.get(each.actor_id), _changed(each)) for each in page.entries
    ]
    return Shown("audit.html", {"rows": rows, "older": older, "target": ask.asked("target")})


def _keys(ask: Ask, problem: str | None) -> Answer:
    values = {
        "keys": ask.services.api.keys.list(ask.viewer.workspace_id),
        "scopes": list(Scope) if ask.viewer.is_operator else [Scope.WORKSPACE, Scope.READ],
        "problem": problem,
        "name": ask.given("name") or "",
        "workspace": ask.given("workspace") or "",
    }
    return Shown("keys.html", values, 200 if problem is None else 422)


def _names(ask: Ask) -> dict[str, str]:
    """Return the names of keys and sessions, by id."""
    workspace = ask.viewer.workspace_id
    keys = {each.key_id: each.name for each in ask.services.api.keys.list(workspace)}
    open_now = ask.services.sessions.list(workspace)
    return keys | {each.session_id: each.grant.name for each in open_now}


def _changed(entry: AuditEntry) -> list[tuple[str, str, str]]:
    """Return the changed fields, with their values before and after; no empty ones."""
    before, after = entry.before or {}, entry.after or {}
    values = [
        (name, _text(name, before.get(name)), _text(name, after.get(name)))
        for name in sorted({*before, *after})
    ]
    return [each for each in values if each[1] or each[2]]


def _text(name: str, value: object) -> str:
    """Return the value of a field; empty if it has none."""
    if value in (None, "", []):
        return ""
    if name in _TIMES and isinstance(value, int):
        return time_text(value)
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return text if len(text) <= _TARGET else f"{text[:_TARGET]}…"
