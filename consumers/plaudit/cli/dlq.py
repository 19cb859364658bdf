"""`plaudit dlq`: what could not be delivered."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Column, Table

from plaudit.cli.output import Exit, fail, print_json
from plaudit.deliver.schemas import KnownSchemas
from plaudit.dlq.letters import Filter, Kind, Letter, Letters, decoded, time_text
from plaudit.kafka.settings import KafkaSettings

app = typer.Typer(no_args_is_help=True, help="List and show dead letters.")

SCHEMAS_S: Final = 5.0

_Kind = Annotated[Kind, typer.Option(help="Deliveries, or records that are no events.")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]


@app.command("list")
def list_letters(
    kind: _Kind = Kind.DELIVERIES,
    endpoint: Annotated[str | None, typer.Option(help="Of this endpoint.")] = None,
    workspace: Annotated[str | None, typer.Option(help="Of this workspace.")] = None,
    event_type: Annotated[str | None, typer.Option("--type", help="Of this event type.")] = None,
    reason: Annotated[str | None, typer.Option(help="Such as exhausted, gone, expired.")] = None,
    since: Annotated[str | None, typer.Option(help="Dead at or after; ISO 8601.")] = None,
    until: Annotated[str | None, typer.Option(help="Dead before; ISO 8601.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 1_000,
    *,
    as_json: _Json = False,
) -> None:
    """List dead letters, oldest first in each partition.

    Example: plaudit dlq list --reason exhausted --since 2026-11-24T00:00:00Z --json
    """
    wanted = Filter(
        endpoint,
        workspace,
        event_type,
        reason,
        _millis("--since", since),
        _millis("--until", until),
    )
    table = Table(*(Column(name, overflow="fold") for name in _COLUMNS))
    shown = 0
    with Letters(KafkaSettings(), kind) as letters:
        for letter in letters.read():
            if not wanted.takes(letter):
                continue
            shown += 1
            summary = letter.summary()
            if as_json:
                print_json(summary)
            else:
                table.add_row(*(_text(summary[name]) for name in _COLUMNS))
            if shown == limit:
                break
    if not as_json:
        Console().print(table if shown else "no dead letters")


@app.command()
def show(
    key: Annotated[str, typer.Argument(metavar="ID", help="As `plaudit dlq list` has it.")],
    kind: _Kind = Kind.DELIVERIES,
    *,
    as_json: _Json = False,
) -> None:
    """Show a dead letter: what happened to it, its headers, and the event."""
    settings = KafkaSettings()
    with Letters(settings, kind) as letters:
        letter = letters.find(key)
    if letter is None:
        fail(f"no dead letter {key} in {settings.names.prefix}dlq.{kind}; see `plaudit dlq list`")
    schemas = KnownSchemas(settings)
    schemas.start()
    try:
        schemas.wait_ready(SCHEMAS_S)
        event = decoded(letter, schemas)
    finally:
        schemas.close()
    if as_json:
        print_json({**letter.summary(), "headers": dict(letter.headers), "event": event})
        return
    _print(letter, event)


def _print(letter: Letter, event: str) -> None:
    console = Console(soft_wrap=True)
    table = Table.grid(padding=(0, 2))
    for name, value in letter.summary().items():
        table.add_row(name, _text(value))
    table.add_row("stands at", f"partition {letter.partition}, offset {letter.offset}")
    for name, value in sorted(letter.headers.items()):
        shown = time_text(int(value)) if name.endswith(("-at", "-timestamp")) else value
        table.add_row(name, shown)
    console.print(table)
    if event.startswith("{"):
        console.print_json(event)
    else:
        console.print(event)
        console.print(f"first bytes: {letter.value[:64].hex(' ')}")


_COLUMNS: Final = (
    "delivery_id",
    "endpoint_id",
    "event_type",
    "reason",
    "attempts",
    "last_status",
    "dead_at",
)


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _millis(option: str, text: str | None) -> int | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        fail(f"{option}: {text!r} is no time such as 2026-11-24T16:00:00Z", Exit.USAGE)
    return int(moment.astimezone().timestamp() * 1_000)
