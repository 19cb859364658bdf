"""`plaudit keys`: API keys."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.table import Column, Table

from plaudit.cli.ui.console import PlainConsole
from plaudit.cli.ui.database import opened_database
from plaudit.cli.ui.output import note, print_json
from plaudit.records.times import time_text
from plaudit.store.access.api_keys import ApiKey, KeyService, Scope

app = typer.Typer(no_args_is_help=True, help="Make, list and revoke API keys.")

_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_COLUMNS = ("id", "name", "scope", "workspace", "ends with", "created", "used", "revoked")


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What it is for; people read it.")],
    workspace: Annotated[
        str | None, typer.Option(help="The workspace's UUID; an admin's key has none.")
    ] = None,
    scope: Annotated[
        Scope, typer.Option(help="admin: everything; workspace: one workspace; read: look only.")
    ] = Scope.WORKSPACE,
    *,
    as_json: _Json = False,
) -> None:
    """Create a key; prints it only once.

    Example: plaudit keys create crm --workspace 7d9f5c1e-52a4-4b0e-9a53-0c6d1f1f2a01 --scope read
    """
    with _service() as service:
        key, text = service.create(scope, workspace, name)
    if as_json:
        print_json({**shown(key), "key": text})
        return
    note(f"{scope} key {key.key_id}; this is the only time that it is shown:")
    typer.echo(text)


@app.command("list")
def list_keys(
    workspace: Annotated[str | None, typer.Option(help="Of this workspace only.")] = None,
    *,
    as_json: _Json = False,
) -> None:
    """List keys, including revoked ones; only the last characters of a key are stored in clear."""
    with _service() as service:
        found = service.list(workspace)
    if as_json:
        for key in found:
            print_json(shown(key))
        return
    table = Table(*(Column(name, overflow="fold") for name in _COLUMNS))
    for key in found:
        table.add_row(*("" if value is None else str(value) for value in shown(key).values()))
    PlainConsole().print(table)


@app.command()
def revoke(
    key: Annotated[str, typer.Argument(metavar="KEY", help="The key's id.")],
    *,
    as_json: _Json = False,
) -> None:
    """Revoke a key, with immediate effect."""
    with _service() as service:
        revoked = service.revoke(key)
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
