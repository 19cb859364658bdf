"""Endpoints and workspaces by name or by the first characters of their id, from the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from plaudit.cli.ui.ids import KnownObject, resolve
from plaudit.cli.ui.output import Exit, fail

_NO_DATABASE: Final = "a name or short id needs PLAUDIT_DATABASE_URL; or give the whole id"


def endpoint_id_of(text: str, workspace: str | None = None) -> str:
    """Return the id of the endpoint that a text names; exit if it fits none or several.

    The database is only opened for a name or a short id.

    Args:
        text: an id, its first characters, or a name.
        workspace: id; restricts names to this workspace.
    """
    return resolve(text, "endpoint", lambda: _known(text, workspace))


def endpoint_ids_of(texts: Sequence[str] | None, workspace: str | None = None) -> list[str]:
    """Return the ids of several endpoints; see `endpoint_id_of`."""
    return [endpoint_id_of(each, workspace) for each in texts or ()]


def endpoint_names() -> Mapping[str, str]:
    """Return the names of endpoints by id; empty without a database."""
    try:
        return {each.id: each.name for each in _stored() or () if each.name is not None}
    except _failure():
        return {}


def known_workspaces(text: str) -> list[str]:
    """Return the ids of all workspaces in the database; exit without one."""
    try:
        # A worker's installation has no database.
        from plaudit.cli.ui.database import existing_database  # noqa: PLC0415 - of another extra
        from plaudit.store.endpoints.workspaces import find_workspaces  # noqa: PLC0415 - of another extra
    except ModuleNotFoundError:
        fail(f"workspace {text!r}: {_NO_DATABASE}", Exit.USAGE)
    engine = existing_database()
    if engine is None:
        fail(f"workspace {text!r}: {_NO_DATABASE}", Exit.USAGE)
    try:
        return find_workspaces(engine)
    finally:
        engine.dispose()


def _known(text: str, workspace: str | None) -> list[KnownObject]:
    stored = _stored()
    if stored is None:
        fail(f"endpoint {text!r}: {_NO_DATABASE}", Exit.USAGE)
    return [each for each in stored if workspace in {None, each.workspace_id}]


def _stored() -> list[KnownObject] | None:
    """Return all endpoints; None without a database."""
    try:
        # A worker's installation has no database.
        from plaudit.cli.ui.database import existing_database  # noqa: PLC0415 - of another extra
        from plaudit.store.db.database import reading  # noqa: PLC0415 - of another extra
        from plaudit.store.endpoints.rows import find_names  # noqa: PLC0415 - of another extra
    except ModuleNotFoundError:
        return None
    engine = existing_database()
    if engine is None:
        return None
    try:
        with reading(engine) as connection:
            return [KnownObject(*each) for each in find_names(connection)]
    finally:
        engine.dispose()


def _failure() -> type[Exception]:
    try:
        from plaudit.store.db.database import DatabaseFailure  # noqa: PLC0415 - of another extra
    except ModuleNotFoundError:
        return ModuleNotFoundError
    return DatabaseFailure
