"""`plaudit deliveries`: the delivery log, and manual retries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from sqlalchemy.engine import Engine

from plaudit.cli.ui.database import opened_database
from plaudit.cli.ui.endpoint_names import endpoint_id_of
from plaudit.cli.ui.fields import print_fields
from plaudit.cli.ui.ids import KnownObject, id_prefix, id_range, resolve, whole_id
from plaudit.cli.ui.listing import ListColumn, ValueForm, columns_option, print_list
from plaudit.cli.ui.output import Exit, fail, note, plain, print_json
from plaudit.cli.ui.prompts import agreed
from plaudit.cli.ui.workspace_option import workspace_option
from plaudit.control.views import shown_attempt, shown_delivery
from plaudit.dlq.letters.filters import moment
from plaudit.events.catalogue import CATALOGUE
from plaudit.records.attempt import Outcome
from plaudit.records.explanations import explain
from plaudit.records.suggestions import suggestion
from plaudit.records.times import wall_ms
from plaudit.store.db.database import reading
from plaudit.store.endpoints.notices import NoticeType
from plaudit.store.endpoints.rows import find_names
from plaudit.store.log.queries import (
    DEFAULT_PAGE,
    LARGEST_PAGE,
    MOST_RETRIED,
    NoSuchDelivery,
    attempts_of,
    find_page,
)
from plaudit.store.log.query import Query, State, StatusRange
from plaudit.store.log.short_ids import deliveries_between, events_between

if TYPE_CHECKING:
    from plaudit.control.retry import RetryResult

app = typer.Typer(no_args_is_help=True, help="List, show and retry deliveries.")

COLUMNS: Final = (
    ListColumn("id", ValueForm.ID),
    ListColumn("endpoint", ValueForm.ID),
    ListColumn("event_type"),
    ListColumn("state"),
    ListColumn("status", ValueForm.NUMBER),
    ListColumn("reason"),
    ListColumn("number", ValueForm.NUMBER),
    ListColumn("latest_at", ValueForm.TIME),
    ListColumn("next_due_at", ValueForm.TIME, default=False),
    ListColumn("error", default=False),
    ListColumn("event_id", ValueForm.ID, default=False),
    ListColumn("endpoint_id", ValueForm.ID, default=False),
    ListColumn("workspace_id", ValueForm.ID, default=False),
    ListColumn("subject", ValueForm.ID, default=False),
    ListColumn("outcome", default=False),
    ListColumn("trigger", default=False),
)
MOST_CHARACTERS: Final = 200
"""Most characters of an answer to show."""

_Json = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]
_Columns = Annotated[str | None, columns_option(COLUMNS)]
_Workspace = Annotated[str | None, workspace_option("Only deliveries of this workspace.")]
_Endpoint = Annotated[
    str | None, typer.Option(metavar="ENDPOINT", help="Only to this endpoint: its name or id.")
]
_Event = Annotated[
    str | None,
    typer.Option(metavar="EVENT", help="Only of this event: its id, or its first characters."),
]
_Subject = Annotated[
    str | None,
    typer.Option(metavar="UUID", help="Only about this testimonial, response, customer or space."),
]
_Type = Annotated[
    str | None, typer.Option("--type", metavar="TYPE", help="Only of this event type.")
]
_State = Annotated[State | None, typer.Option(help="Only deliveries in this state.")]
_Outcome = Annotated[
    Outcome | None, typer.Option(help="Only if the latest attempt ended this way.")
]
_Status = Annotated[
    str | None,
    typer.Option(metavar="STATUS", help="Only if the latest answer had this status: 503, or 5xx."),
]
_Since = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="Latest attempt at or after: RFC 3339, or an age: 2h."),
]
_Until = Annotated[
    str | None, typer.Option(metavar="TIME", help="Latest attempt before: RFC 3339, or an age: 2h.")
]
_Delivery = Annotated[
    str, typer.Argument(metavar="DELIVERY", help="The delivery's id, or its first characters.")
]


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
        int,
        typer.Option(min=1, max=LARGEST_PAGE, metavar="COUNT", help="Most rows to print."),
    ] = DEFAULT_PAGE,
    cursor: Annotated[
        str | None, typer.Option(metavar="CURSOR", help="Continue after this page.")
    ] = None,
    columns: _Columns = None,
    *,
    as_json: _Json = False,
) -> None:
    """List the deliveries that match all conditions, latest first.

    Example: plaudit deliveries list --state dead --since 2h
    """
    query = _query(workspace, endpoint, event, subject, event_type, since, until)
    query = replace(query, state=state, outcome=outcome, status=_statuses(status))
    engine = opened_database()
    with reading(engine) as connection:
        page = find_page(connection, query, limit=limit, cursor=cursor)
        names = {each[0]: each[1] for each in find_names(connection)}
    engine.dispose()
    rows = [
        {**shown_delivery(each), "endpoint": names.get(each.endpoint_id) or each.endpoint_id}
        for each in page.deliveries
    ]
    print_list(
        rows,
        COLUMNS,
        columns,
        as_json=as_json,
        nothing="no deliveries match; `plaudit record` fills the log",
    )
    if page.cursor is not None:
        note(f"more: --cursor {page.cursor}")


@app.command()
def show(
    delivery: _Delivery,
    *,
    as_json: _Json = False,
) -> None:
    """Show a delivery with every attempt."""
    engine = opened_database()
    delivery = delivery_id_of(engine, delivery)
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
        str | None,
        typer.Argument(metavar="DELIVERY", help="One delivery; or select by the options."),
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
        int,
        typer.Option(min=1, max=MOST_RETRIED, metavar="COUNT", help="Most to retry."),
    ] = MOST_RETRIED,
    *,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Skip the confirmation of several retries.")
    ] = False,
    as_json: _Json = False,
) -> None:
    """Retry one delivery, or a selection, now; scheduled retries stay.

    A selection holds pending and dead deliveries; `--state delivered` sends delivered ones again.

    Examples:
      plaudit deliveries retry 5f0d8a51-8f4c-5a2b-9c39-2f5d64d4b1f0
      plaudit deliveries retry --endpoint 3f6c… --state dead --yes
    """
    query = _query(workspace, endpoint, event, subject, event_type, since, until)
    query = replace(query, state=state)
    if (delivery is None) == (query == Query()):
        fail("name a delivery, or choose some by --endpoint, --state, --since, …", Exit.USAGE)
    # The other commands do not need this import, and start in half the time without it.
    from plaudit.cli.commands.retry import retry_one, retry_selection  # noqa: PLC0415 - takes long, is seldom needed

    def agree(count: int) -> bool:
        return yes or agreed(f"Retry {count:,} deliveries?", "queued")

    done = retry_one(_whole(delivery)) if delivery else retry_selection(query, limit, agree)
    if done is None:
        raise typer.Exit(Exit.FAILED)
    _tell_retried(done, limit, as_json=as_json)


def _tell_retried(done: RetryResult, limit: int, *, as_json: bool) -> None:
    for error in done.refused:
        note(f"plaudit: {error}")
    if as_json:
        more = done.cursor is not None
        print_json({"retried": done.retried, "refused": len(done.refused), "more": more})
    else:
        noun = "delivery" if done.retried == 1 else "deliveries"
        refused = f" {len(done.refused):,} can't be retried." if done.refused else ""
        note(f"Queued {done.retried:,} {noun} for retry.{refused}")
    if done.cursor is not None:
        note(f"there are more than {limit:,}; run the command again with --until for the others")
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
    if subject is not None and whole_id(subject) is None:
        fail(f"--subject: {subject!r} is not a UUID", Exit.USAGE)
    return Query(
        workspace_id=workspace,
        endpoint_id=None if endpoint is None else endpoint_id_of(endpoint, workspace),
        event_id=None if event is None else _whole_event(event),
        subject=None if subject is None else whole_id(subject),
        event_type=None if event_type is None else _looked_up(event_type),
        since_ms=moment("--since", since, now_ms),
        until_ms=moment("--until", until, now_ms),
    )


def _statuses(text: str | None) -> StatusRange | None:
    try:
        return None if text is None else StatusRange.parse(text)
    except ValueError as error:
        fail(f"--status: {error}", Exit.USAGE)


def _looked_up(event_type: str) -> str:
    """Return an event type unchanged; warn if this release does not know it."""
    known = {*CATALOGUE, *NoticeType}
    if event_type not in known:
        close = suggestion(event_type, known)
        hint = close if close.startswith("did you mean") else "see `plaudit schemas list`"
        note(f"plaudit: warning: --type: {event_type!r} is not an event type here; {hint}")
    return event_type


def _whole_event(text: str) -> str:
    def known() -> list[KnownObject]:
        prefix = id_prefix(text)
        if prefix is None:
            return []
        engine = opened_database()
        try:
            with reading(engine) as connection:
                return [KnownObject(each) for each in events_between(connection, *id_range(prefix))]
        finally:
            engine.dispose()

    return resolve(text, "event", known)


def _whole(delivery: str) -> str:
    engine = opened_database()
    try:
        return delivery_id_of(engine, delivery)
    finally:
        engine.dispose()


def delivery_id_of(engine: Engine, text: str) -> str:
    """Return the id of the delivery that a text names; exit if it fits none or several."""

    def known() -> list[KnownObject]:
        prefix = id_prefix(text)
        if prefix is None:
            return []
        with reading(engine) as connection:
            return [KnownObject(each) for each in deliveries_between(connection, *id_range(prefix))]

    return resolve(text, "delivery", known)


def _print(whole: dict[str, Any]) -> None:
    origin = whole["origin"]
    place = f"{origin['topic']}, partition {origin['partition']}, offset {origin['offset']}"
    print_fields({**{name: whole[name] for name in whole if name != "attempts"}, "origin": place})
    for each in whole["attempts"]:
        typer.echo(attempt_line(each))
        if each["answer"]:
            typer.echo(f"  answer: {plain(each['answer'][:MOST_CHARACTERS])}")
    last = whole["attempts"][-1]
    if whole["state"] != "delivered":
        typer.echo(explain(last["reason"], last["status"]).line)
    if whole["next_due_at"] is not None:
        typer.echo(f"next attempt at {whole['next_due_at']}")


def attempt_line(shown: Mapping[str, Any]) -> str:
    """Return an attempt on one line, for people."""
    total_ms = shown["timings"]["total_ms"]
    took = "" if total_ms is None else f"{total_ms:,.0f} ms"
    # The status says it all.
    reason = None if shown["reason"] == "status" else shown["reason"]
    said = " ".join(str(each) for each in (shown["status"], reason, shown["error"]) if each)
    line = f"{shown['started_at']}  {shown['trigger']:8} {shown['outcome']:9} {took:>9}  {said}"
    return plain(line).rstrip()
