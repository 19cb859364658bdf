"""`plaudit keys`: API keys."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Final

import typer

from plaudit.cli.ui.database import opened_database
from plaudit.cli.ui.ids import KnownObject, resolve
from plaudit.cli.ui.listing import ListColumn, ValueForm, columns_option, print_list
from plaudit.cli.ui.output import note, print_json
from plaudit.cli.ui.prompts import require_agreement
from plaudit.cli.ui.workspace_option import workspace_option
from plaudit.records.times import time_text
from plaudit.store.access.api_keys import ApiKey, KeyService, Scope

app = typer.Typer(no_args_is_help=True, help="Create, list and revoke API keys.")

COLUMNS: Final = (
    ListColumn("name"),
    ListColumn("id", ValueForm.ID),
    ListColumn("scope"),
    ListColumn("workspace_id", ValueForm.ID),
    ListColumn("ends_with"),
    ListColumn("created_at", ValueForm.TIME),
    ListColumn("used_at", ValueForm.TIME),
    ListColumn("revoked_at", ValueForm.TIME),
)
_Json = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]


@app.command()
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Purpose of the key, for people.")],
    workspace: Annotated[
        str | None, workspace_option("Id of its workspace; an admin's key has none.")
    ] = None,
    scope: Annotated[
        Scope,
        typer.Option(help="admin: everything; workspace: one workspace; read: changes nothing."),
    ] = Scope.WORKSPACE,
    *,
    as_json: _Json = False,
) -> None:
    """Create a key and print it; no later command shows it again.

    Example: plaudit keys create crm --workspace 7d9f5c1e-52a4-4b0e-9a53-0c6d1f1f2a01 --scope read
    """
    with _service() as service:
        key, text = service.create(scope, workspace, name)
    if as_json:
        print_json({**shown(key), "key": text})
        return
    note(f'Created {scope} key "{key.name}" ({key.key_id}).')
    note("Copy it now; it will not be shown again:")
    typer.echo(text)


@app.command("list")
def list_keys(
    workspace: Annotated[str | None, workspace_option("Only keys of this workspace.")] = None,
    columns: Annotated[str | None, columns_option(COLUMNS)] = None,
    *,
    as_json: _Json = False,
) -> None:
    """List keys, including revoked ones; only the last characters of a key are stored in clear."""
    with _service() as service:
        found = service.list(workspace)
    rows = [shown(each) for each in found]
    print_list(rows, COLUMNS, columns, as_json=as_json, nothing="no keys match")


@app.command()
def revoke(
    key: Annotated[
        str, typer.Argument(metavar="KEY", help="Its name, its id, or the first characters of it.")
    ],
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Skip the confirmation.")] = False,
    as_json: _Json = False,
) -> None:
    """Revoke a key with immediate effect, after a confirmation."""
    with _service() as service:
        known = [each for each in service.list() if each.revoked_at is None]
        wanted = resolve(
            key,
            "key",
            lambda: (KnownObject(each.key_id, each.name, each.workspace_id) for each in known),
        )
        named = next((f"{each.name} ({wanted})" for each in known if each.key_id == wanted), wanted)
        require_agreement(f"Revoke key {named}? Its users are locked out.", "revoked", yes=yes)
        revoked = service.revoke(wanted)
    if as_json:
        print_json(shown(revoked))
    else:
        note(f"revoked {revoked.key_id} ({revoked.name})")


def shown(key: ApiKey) -> dict[str, Any]:
    """Return the printable fields of a key."""
    return {
        "id": key.key_id,
        "name": key.name,
        "scope": str(key.scope),
        "workspace_id": key.workspace_id,
        "ends_with": key.hint,
        "created_at": time_text(key.created_at),
        "used_at": None if key.used_at is None else time_text(key.used_at),
        "revoked_at": None if key.revoked_at is None else time_text(key.revoked_at),
    }


@contextmanager
def _service() -> Iterator[KeyService]:
    engine = opened_database()
    try:
        yield KeyService(engine)
    finally:
        engine.dispose()
