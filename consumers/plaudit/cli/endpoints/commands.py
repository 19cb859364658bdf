"""`plaudit endpoints`: commands over the endpoint service."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Annotated, Final

import typer
from rich.table import Column, Table

from plaudit.cli.endpoints.output import endpoint_service, print_pairs, public, show_endpoint, warn
from plaudit.cli.endpoints.upkeep import apply, reseal, sync
from plaudit.cli.ui.console import PlainConsole
from plaudit.cli.ui.database import opened_database
from plaudit.cli.ui.output import Exit, fail, note, print_json
from plaudit.dlq.letters.filters import moment
from plaudit.formats.catalogue import FORMATS
from plaudit.records.delays import Delay, DelayError
from plaudit.records.times import wall_ms
from plaudit.store.db.database import reading
from plaudit.store.endpoints.changes import WrittenEndpoint
from plaudit.store.endpoints.moving import without_headers_of
from plaudit.store.endpoints.spec import EndpointSpec, InputRefused
from plaudit.store.endpoints.workspaces import WorkspaceService
from plaudit.store.log.stats import health_of

app = typer.Typer(no_args_is_help=True, help="Register and manage endpoints.")

_COLUMNS: Final = ("id", "name", "workspace", "host", "types", "status")

_Id = Annotated[str, typer.Argument(metavar="ENDPOINT", help="The endpoint's id.")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_Types = Annotated[str | None, typer.Option(help="Event types, comma-separated; all by default.")]
_Spaces = Annotated[
    list[str] | None, typer.Option("--space", help="Only events of this space; repeatable.")
]
_Headers = Annotated[
    list[str] | None, typer.Option("--header", help="NAME: VALUE to send along; repeatable.")
]
_Rate = Annotated[float | None, typer.Option(help="Requests per second.")]
_Schedule = Annotated[str | None, typer.Option(help="Delays between attempts, such as 5s,5m.")]
_FORMAT: Final = typer.Option("--format", help=f"Form of the body: {', '.join(FORMATS)}.")
_Format = Annotated[str, _FORMAT]
_NewFormat = Annotated[str | None, _FORMAT]
_Filter = Annotated[
    str | None,
    typer.Option("--filter", help='Content filter, such as {"field": "is_backfill", "eq": false}.'),
]
_Secret = Annotated[str | None, typer.Option(help="whsec_…; a new one by default.")]


@app.command()
def add(
    url: Annotated[str, typer.Argument(help="Where to send, https://…")],
    workspace: Annotated[str, typer.Option(help="The workspace's UUID.")],
    types: _Types = None,
    space: _Spaces = None,
    header: _Headers = None,
    rate_limit: _Rate = None,
    schedule: _Schedule = None,
    payload_format: _Format = "standard",
    secret: _Secret = None,
    name: Annotated[str | None, typer.Option(help="For people; unique in a workspace.")] = None,
    content_filter: _Filter = None,
    *,
    as_json: _Json = False,
) -> None:
    """Register an endpoint; prints its id and, only once, its secret.

    Example: plaudit endpoints add https://hooks.example.com/plaudit
    --workspace 7d9f5c1e-52a4-4b0e-9a53-0c6d1f1f2a01 --types testimonial.approved
    """
    wanted = EndpointSpec(
        url,
        _listed(types),
        tuple(space or ()),
        _headers(header),
        rate_limit,
        schedule,
        payload_format,
        secret,
        name,
        content_filter,
    )
    with endpoint_service() as service:
        show_endpoint(service, service.add(workspace, wanted), as_json=as_json)


@app.command("list")
def list_endpoints(
    workspace: Annotated[str | None, typer.Option(help="Of this workspace only.")] = None,
    *,
    as_json: _Json = False,
) -> None:
    """List endpoints."""
    with endpoint_service() as service:
        found = service.list(workspace)
        if as_json:
            for endpoint in found:
                print_json(public(service, endpoint))
            return
        table = Table(*(Column(name, overflow="fold") for name in _COLUMNS))
        for endpoint in found:
            shown = public(service, endpoint)
            table.add_row(
                endpoint.endpoint_id,
                endpoint.name or "",
                endpoint.workspace_id,
                shown["host"],
                ", ".join(endpoint.event_types) or "all",
                endpoint.status,
            )
        PlainConsole().print(table)


@app.command()
def show(endpoint: _Id, *, as_json: _Json = False) -> None:
    """Show an endpoint, without its secret."""
    with endpoint_service() as service:
        show_endpoint(service, WrittenEndpoint(service.get(endpoint)), as_json=as_json)


@app.command()
def update(
    endpoint: _Id,
    url: Annotated[str | None, typer.Option(help="Where to send.")] = None,
    types: _Types = None,
    space: _Spaces = None,
    header: _Headers = None,
    rate_limit: _Rate = None,
    schedule: _Schedule = None,
    payload_format: _NewFormat = None,
    content_filter: _Filter = None,
    *,
    as_json: _Json = False,
) -> None:
    """Change the given fields; the rest stays.

    `--types all`, `--rate-limit 0` and `--filter ""` remove a limit. A URL with another host drops
    the headers, which belong to the former host, unless `--header` sets them again.
    """
    with endpoint_service() as service:
        now = service.wanted(service.get(endpoint))
        wanted = replace(
            now,
            url=url or now.url,
            types=now.types if types is None else _listed(types),
            spaces=now.spaces if space is None else tuple(space),
            headers=now.headers if header is None else _headers(header),
            rate_limit=now.rate_limit if rate_limit is None else rate_limit or None,
            schedule=now.schedule if schedule is None else schedule or None,
            format=payload_format or now.format,
            content_filter=now.content_filter if content_filter is None else content_filter or None,
        )
        if header is None:
            wanted = without_headers_of(now, wanted)
        show_endpoint(service, service.update(endpoint, wanted), as_json=as_json)


@app.command()
def remove(endpoint: _Id) -> None:
    """Delete an endpoint; deliveries that are on their way to it are cancelled."""
    with endpoint_service() as service:
        warn(service.remove(endpoint))
        note(f"removed {endpoint}")


@app.command("rotate-secret")
def rotate_secret(
    endpoint: _Id,
    overlap: Annotated[str, typer.Option(help="How long the old one signs along.")] = "24h",
    *,
    as_json: _Json = False,
) -> None:
    """Create a new secret, shown only once; the old one keeps signing for a while."""
    try:
        overlap_ms = Delay.parse(overlap).millis
    except DelayError as error:
        fail(f"--overlap: {error}", Exit.USAGE)
    with endpoint_service() as service:
        show_endpoint(service, service.rotate_secret(endpoint, overlap_ms), as_json=as_json)


@app.command()
def enable(
    endpoint: _Id,
    rate: Annotated[
        float | None, typer.Option(min=0.01, help="Of --recover: records per second.")
    ] = None,
    *,
    recover: Annotated[
        bool, typer.Option("--recover", help="Send its dead letters and what it missed again, too.")
    ] = False,
    as_json: _Json = False,
) -> None:
    """Enable an endpoint from now on; --recover also sends what it missed."""
    with endpoint_service() as service:
        before = service.get(endpoint)
        since = service.disabled_since(before)
        served = recover and before.status == "active"
        now = WrittenEndpoint(before, missed_since=since) if served else service.enable(endpoint)
        shown = replace(now, missed_since=None) if recover else now
        show_endpoint(service, shown, as_json=as_json)
    if recover:
        # The other commands do not need this import, and start in half the time without it.
        from plaudit.cli.endpoints.recover import recover_endpoint  # noqa: PLC0415 - takes long, is seldom needed

        recover_endpoint(now, rate, as_json=as_json)


@app.command()
def disable(
    endpoint: _Id,
    reason: Annotated[str, typer.Option(help="Why; its owner reads it.")] = "by an operator",
    *,
    as_json: _Json = False,
) -> None:
    """Disable an endpoint; deliveries that are on their way become dead letters."""
    with endpoint_service() as service:
        show_endpoint(service, service.disable(endpoint, reason), as_json=as_json)


@app.command()
def health(
    endpoint: _Id,
    since: Annotated[str, typer.Option(help="A time, or an age such as 2h.")] = "24h",
    *,
    as_json: _Json = False,
) -> None:
    """Show an endpoint's health: success rate, percentiles, consecutive failures, last error."""
    since_ms = moment("--since", since, wall_ms()) or 0
    engine = opened_database()
    try:
        with endpoint_service() as service:
            known = service.get(endpoint)
        with reading(engine) as connection:
            shown = health_of(connection, known.endpoint_id, since_ms)
    finally:
        engine.dispose()
    said = {"id": known.endpoint_id, "status": known.status, **shown}
    if as_json:
        print_json(said)
    else:
        print_pairs(said)


@app.command()
def notify(
    endpoint: _Id,
    *,
    stop: Annotated[bool, typer.Option("--stop", help="Tell it no more.")] = False,
    as_json: _Json = False,
) -> None:
    """Choose the endpoint that receives `endpoint.disabled` when another one is disabled."""
    with endpoint_service() as service:
        known = service.get(endpoint)
    engine = opened_database()
    try:
        workspaces = WorkspaceService(engine)
        target = None if stop else known.endpoint_id
        if stop and workspaces.get(known.workspace_id).notify_endpoint_id != known.endpoint_id:
            fail(f"{known.endpoint_id} is not the notification endpoint", Exit.USAGE)
        now = workspaces.notify(known.workspace_id, target)
    finally:
        engine.dispose()
    if as_json:
        print_json(asdict(now))
    else:
        target = now.notify_endpoint_id or "no endpoint"
        note(f"trouble notices for workspace {now.workspace_id} go to {target}")


@app.command("test")
def send_example(
    endpoint: _Id,
    event_type: Annotated[
        str, typer.Option("--type", help="Which event type's example.")
    ] = "testimonial.submitted",
    *,
    as_json: _Json = False,
) -> None:
    """Send a signed example now; exit 1 unless the response is 2xx."""
    # The other commands do not need the HTTP engine.
    from plaudit.cli.endpoints.test_send import send_now  # noqa: PLC0415 - takes long, is seldom needed

    with endpoint_service() as service:
        stored = service.get(endpoint)
    tested = send_now(stored, event_type)
    attempted = tested.attempted
    if as_json:
        said = {"id": tested.message_id, "status": attempted.status, "error": attempted.error}
        print_json({**said, "succeeded": tested.succeeded, "answer": tested.answer})
    else:
        note(attempted.error or f"answered {attempted.status}: {(tested.answer or '')[:200]}")
    if not tested.succeeded:
        raise typer.Exit(Exit.FAILED)


for _each in (apply, sync, reseal):
    app.command()(_each)


def _listed(text: str | None) -> tuple[str, ...]:
    if text is None or text.strip() == "all":
        return ()
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _headers(given: list[str] | None) -> dict[str, str]:
    headers = {}
    for line in given or ():
        name, colon, value = line.partition(":")
        if not colon:
            raise InputRefused("--header", f"{line!r} is not NAME: VALUE")
        headers[name.strip()] = value.strip()
    return headers
