"""`plaudit audit`: who changed what."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Final

import orjson
import typer
from sqlalchemy.engine import Engine

from plaudit.cli.ui.database import opened_database
from plaudit.cli.ui.listing import ListColumn, ValueForm, columns_option, print_list
from plaudit.cli.ui.output import new_file, note
from plaudit.cli.ui.workspace_option import workspace_option
from plaudit.dlq.letters.filters import moment
from plaudit.records.times import wall_ms
from plaudit.store.audit.search import AuditQuery, export_entries

app = typer.Typer(no_args_is_help=True, help="The audit log: who changed what, and when.")

COLUMNS: Final = (
    ListColumn("at", ValueForm.TIME),
    ListColumn("actor"),
    ListColumn("from"),
    ListColumn("action"),
    ListColumn("target", ValueForm.ID),
)
_Workspace = Annotated[str | None, workspace_option("Only changes of this workspace.")]
_Actor = Annotated[
    str | None, typer.Option(metavar="ID", help="Only by this key, session or user.")
]
_Action = Annotated[
    str | None, typer.Option(metavar="ACTION", help="Only this action, such as endpoint.updated.")
]
_Target = Annotated[str | None, typer.Option(metavar="ID", help="Only changes of this object.")]
_Since = Annotated[
    str | None, typer.Option(metavar="TIME", help="At or after: RFC 3339, or an age: 2h.")
]
_Until = Annotated[
    str | None, typer.Option(metavar="TIME", help="Before: RFC 3339, or an age: 2h.")
]


@app.command("list")
def list_entries(
    workspace: _Workspace = None,
    actor: _Actor = None,
    action: _Action = None,
    target: _Target = None,
    since: _Since = None,
    until: _Until = None,
    limit: Annotated[int, typer.Option(min=1, help="Most rows to print.")] = 50,
    columns: Annotated[str | None, columns_option(COLUMNS)] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")] = False,
) -> None:
    """List changes, latest first.

    Example: plaudit audit list --action endpoint.removed --since 7d
    """
    query = _query(workspace, actor, action, target, since, until)
    with _database() as engine:
        found = [each.plain() for each in islice(export_entries(engine, query), limit)]
    rows = found if as_json and columns is None else [_row(each) for each in found]
    print_list(rows, COLUMNS, columns, as_json=as_json, nothing="no changes match")


def _row(entry: dict[str, Any]) -> dict[str, Any]:
    actor = entry["actor"]
    return {**entry, "actor": f"{actor['kind']} {actor['id']}", "from": actor["address"]}


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
    with ExitStack() as stack:
        engine = stack.enter_context(_database())
        out = sys.stdout if file is None else stack.enter_context(new_file(file))
        for count, each in enumerate(export_entries(engine, query), 1):  # noqa: B007 - told below
            out.write(orjson.dumps(each.plain()).decode() + "\n")
        out.flush()
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
