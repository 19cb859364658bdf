"""`plaudit deliveries`: the delivery log, and manual retries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Final

import typer
from rich.table import Column, Table

from plaudit.cli.ui.console import PlainConsole
from plaudit.cli.ui.database import opened_database
from plaudit.cli.ui.output import Exit, fail, note, print_json
from plaudit.control.views import shown_attempt, shown_delivery
from plaudit.dlq.letters.filters import moment
from plaudit.records.attempt import Outcome
from plaudit.records.times import time_text, wall_ms
from plaudit.store.db.database import reading
from plaudit.store.log.queries import (
    DEFAULT_PAGE,
    LARGEST_PAGE,
    MOST_RETRIED,
    NoSuchDelivery,
    attempts_of,
    find_page,
)
from plaudit.store.log.query import Query, State

app = typer.Typer(no_args_is_help=True, help="Look at deliveries, and try them again.")

_COLUMNS: Final = ("delivery", "event type", "endpoint", "state", "status", "attempts", "latest")

_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_Workspace = Annotated[str | None, typer.Option(help="Of this workspace only.")]
_Endpoint = Annotated[str | None, typer.Option(help="To this endpoint only.")]
_Event = Annotated[str | None, typer.Option(help="Of this event only.")]
_Subject = Annotated[
    str | None, typer.Option(help="About this testimonial, response, customer or space only.")
]
_Type = Annotated[str | None, typer.Option("--type", help="Of this event type only.")]
_State = Annotated[State | None, typer.Option(help="That stand so only.")]
_Outcome = Annotated[Outcome | None, typer.Option(help="Whose latest row says so only.")]
_Status = Annotated[int | None, typer.Option(help="Last answered with this HTTP status only.")]
_Since = Annotated[str | None, typer.Option(help="Latest attempt at or after: RFC 3339, or 2h.")]
_Until = Annotated[str | None, typer.Option(help="Latest attempt before: RFC 3339, or 2h.")]


@app.command("list")
def list_deliveries(
    workspace: _Workspace = None,
    endpoint: _Endpoint = None,
    event: _Event = None,
    subject: _Subject = None,
    event_type: _Type = None,
    state: _State = None,
    outcome: _Outcome = None,
    status: _Status = None,
    since: _Since = None,
    until: _Until = None,
    limit: Annotated[
        int, typer.Option(min=1, max=LARGEST_PAGE, help="How many at once.")
    ] = DEFAULT_PAGE,
    cursor: Annotated[str | None, typer.Option(help="Where the page before ended.")] = None,
    *,
    as_json: _Json = False,
) -> None:
    """List deliveries, latest first; all given conditions must match.

    Example: plaudit deliveries list --state dead --since 2h
    """
    query = _query(workspace, endpoint, event, subject, event_type, since, until)
    query = replace(query, state=state, outcome=outcome, status=status)
    engine = opened_database()
    with reading(engine) as connection:
        page = find_page(connection, query, limit=limit, cursor=cursor)
    engine.dispose()
    if as_json:
        for each in page.deliveries:
            print_json(shown_delivery(each))
    else:
        table = Table(*(Column(name, overflow="fold") for name in _COLUMNS))
        for each in page.deliveries:
            table.add_row(
                each.delivery_id,
                each.event_type,
                each.endpoint_id,
                str(each.state),
                str(each.status or each.reason or ""),
                str(each.number),
                time_text(each.started_at),
            )
        PlainConsole().print(table)
    if page.cursor is not None:
        note(f"more: --cursor {page.cursor}")


@app.command()
def show(
    delivery: Annotated[str, typer.Argument(metavar="DELIVERY", help="The delivery's id.")],
    *,
    as_json: _Json = False,
) -> None:
    """Show a delivery with every attempt."""
    engine = opened_database()
    with reading(engine) as connection:
        attempts = attempts_of(connection, delivery)
    engine.dispose()
    if not attempts:
        raise NoSuchDelivery(delivery)
    whole = {
        **shown_delivery(attempts[-1]),
        "attempts": [shown_attempt(each) for each in attempts],
    }
    if as_json:
        print_json(whole)
        return
    _print(whole)


@app.command()
def retry(
    delivery: Annotated[
        str | None, typer.Argument(metavar="DELIVERY", help="One; or choose by the options.")
    ] = None,
    workspace: _Workspace = None,
    endpoint: _Endpoint = None,
    event: _Event = None,
    subject: _Subject = None,
    event_type: _Type = None,
    state: _State = None,
    since: _Since = None,
    until: _Until = None,
    limit: Annotated[
        int, typer.Option(min=1, max=MOST_RETRIED, help="How many at most.")
    ] = MOST_RETRIED,
    *,
    as_json: _Json = False,
) -> None:
    """Retry one delivery, or a selection, now; scheduled retries stay.

    Examples:
      plaudit deliveries retry 5f0d8a51-8f4c-5a2b-9c39-2f5d64d4b1f0
      plaudit deliveries retry --endpoint 3f6c… --state pending
    """
    query = _query(workspace, endpoint, event, subject, event_type, since, until)
    query = replace(query, state=state)
    if (delivery is None) == (query == Query()):
        fail("name a delivery, or choose some by --endpoint, --state, --since, …", Exit.USAGE)
    # The other commands do not need this import, and start in half the time without it.
    from plaudit.cli.commands.retry import try_again  # noqa: PLC0415 - takes long, is seldom needed

    done = try_again(delivery, query, limit)
    for error in done.refused:
        note(f"plaudit: {error}")
    if as_json:
        more = done.cursor is not None
        print_json({"retried": done.retried, "refused": len(done.refused), "more": more})
    else:
        note(f"{done.retried:,} on their way again, {len(done.refused):,} not")
    if done.cursor is not None:
        note(f"there are more than {limit:,}; narrow it, or repeat it with --until")
    if done.refused:
        raise typer.Exit(Exit.FAILED)


def _query(
    workspace: str | None,
    endpoint: str | None,
    event: str | None,
    subject: str | None,
    event_type: str | None,
    since: str | None,
    until: str | None,
) -> Query:
    now_ms = wall_ms()
    return Query(
        workspace_id=workspace,
        endpoint_id=endpoint,
        event_id=event,
        subject=subject,
        event_type=event_type,
        since_ms=moment("--since", since, now_ms),
        until_ms=moment("--until", until, now_ms),
    )


def _print(whole: dict[str, Any]) -> None:
    console = PlainConsole(soft_wrap=True)
    table = Table.grid(padding=(0, 2))
    for name, value in whole.items():
        if name != "attempts":
            table.add_row(name, "" if value is None else str(value))
    console.print(table)
    for each in whole["attempts"]:
        console.print(attempt_line(each), markup=False)
        if each["answer"] is not None:
            console.print(f"  answered: {each['answer'][:200]}", markup=False)
    if whole["next_due_at"] is not None:
        console.print(f"next at {whole['next_due_at']}")


def attempt_line(shown: Mapping[str, Any]) -> str:
    """Return an attempt on one line, for people."""
    total_ms = shown["timings"]["total_ms"]
    took = "" if total_ms is None else f"{total_ms:,.0f} ms"
    said = " ".join(
        str(each) for each in (shown["status"], shown["reason"], shown["error"]) if each
    )
    return f"{shown['started_at']}  {shown['trigger']:8} {shown['outcome']:9} {took:>9}  {said}"
