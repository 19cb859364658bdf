"""`plaudit audit`: who changed what."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Annotated, Final

import orjson
import typer
from rich.table import Column, Table
from sqlalchemy.engine import Engine

from plaudit.cli.ui.console import PlainConsole
from plaudit.cli.ui.database import opened_database
from plaudit.cli.ui.output import note, print_json
from plaudit.dlq.letters.filters import moment
from plaudit.records.times import wall_ms
from plaudit.store.audit.search import AuditQuery, export_entries

app = typer.Typer(no_args_is_help=True, help="The audit log: who changed what, and when.")

_COLUMNS: Final = ("at", "actor", "from", "action", "target")
_Workspace = Annotated[str | None, typer.Option(help="Of this workspace only.")]
_Actor = Annotated[str | None, typer.Option(help="By this key, session or user only.")]
_Action = Annotated[str | None, typer.Option(help="This action only, such as endpoint.updated.")]
_Target = Annotated[str | None, typer.Option(help="Changes of this id only.")]
_Since = Annotated[str | None, typer.Option(help="At or after: ISO 8601, or an age such as 2h.")]
_Until = Annotated[str | None, typer.Option(help="Before.")]


@app.command("list")
def list_entries(
    workspace: _Workspace = None,
    actor: _Actor = None,
    action: _Action = None,
    target: _Target = None,
    since: _Since = None,
    until: _Until = None,
    limit: Annotated[int, typer.Option(min=1, help="Maximum number of records.")] = 50,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List changes, latest first.

    Example: plaudit audit list --action endpoint.removed --since 7d
    """
    query = _query(workspace, actor, action, target, since, until)
    with _database() as engine:
        found = [each.plain() for each in islice(export_entries(engine, query), limit)]
    if as_json:
        for each in found:
            print_json(each)
        return
    table = Table(*(Column(name, overflow="fold") for name in _COLUMNS))
    for each in found:
        actor_of = each["actor"]
        table.add_row(
            each["at"],
            f"{actor_of['kind']} {actor_of['id']}",
            actor_of["address"],
            each["action"],
            each["target"],
        )
    PlainConsole().print(table)


@app.command()
def export(
    file: Annotated[
        Path | None, typer.Argument(help="Write to this file; standard output by default.")
    ] = None,
    workspace: _Workspace = None,
    since: _Since = None,
    until: _Until = None,
) -> None:
    """Write the audit log as JSON lines, latest first.

    Example: plaudit audit export audit.jsonl --since 30d
    """
    query = _query(workspace, None, None, None, since, until)
    count = 0
    with _database() as engine:
        out = sys.stdout.buffer if file is None else file.open("xb")
        try:
            for count, each in enumerate(export_entries(engine, query), 1):  # noqa: B007 - told below
                out.write(orjson.dumps(each.plain()) + b"\n")
            out.flush()
        finally:
            if file is not None:
                out.close()
    note(f"{count:,} changes")


def _query(
    workspace: str | None,
    actor: str | None,
    action: str | None,
    target: str | None,
    since: str | None,
    until: str | None,
) -> AuditQuery:
    now_ms = wall_ms()
    return AuditQuery(
        workspace,
        actor,
        action,
        target,
        moment("--since", since, now_ms),
        moment("--until", until, now_ms),
    )


@contextmanager
def _database() -> Iterator[Engine]:
    engine = opened_database()
    try:
        yield engine
    finally:
        engine.dispose()
