"""`plaudit endpoints add|list|show|update|remove`, and the group of all endpoint commands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Final

import typer

from plaudit.cli.endpoints import operations, restoring, upkeep
from plaudit.cli.endpoints.endpoint_options import (
    TYPES,
    Endpoint,
    Filter,
    Format,
    Headers,
    Json,
    NewFormat,
    NewSigning,
    Rate,
    Schedule,
    Secret,
    Signing,
    Spaces,
    Workspace,
    Yes,
    headers_of,
    listed,
)
from plaudit.cli.endpoints.output import (
    endpoint_service,
    public_or_problem,
    show_endpoint,
    warn,
)
from plaudit.cli.ui.endpoint_names import endpoint_id_of
from plaudit.cli.ui.listing import ListColumn, ValueForm, columns_option, print_list
from plaudit.cli.ui.output import Exit, fail, note
from plaudit.cli.ui.prompts import require_agreement
from plaudit.cli.ui.workspace_option import workspace_option
from plaudit.store.endpoints.changes import WrittenEndpoint
from plaudit.store.endpoints.header_protection import without_headers_of
from plaudit.store.endpoints.service import EndpointService
from plaudit.store.endpoints.spec import EndpointSpec

app = typer.Typer(no_args_is_help=True, help="Register and manage endpoints.")

MOST_LISTED: Final = 1_000
MOST_NAMED: Final = 5
"""Most endpoints that can't be decrypted to name one by one."""
COLUMNS: Final = (
    ListColumn("name"),
    ListColumn("id", ValueForm.ID),
    ListColumn("host"),
    ListColumn("types"),
    ListColumn("status"),
    ListColumn("url", default=False),
    ListColumn("workspace_id", ValueForm.ID, default=False),
    ListColumn("format", default=False),
    ListColumn("filter", default=False),
    ListColumn("spaces", default=False),
    ListColumn("headers", default=False),
    ListColumn("rate_limit", ValueForm.NUMBER, default=False),
    ListColumn("schedule", default=False),
    ListColumn("status_reason", default=False),
    ListColumn("version", ValueForm.NUMBER, default=False),
    ListColumn("active_from", ValueForm.TIME, default=False),
    ListColumn("created_at", ValueForm.TIME, default=False),
    ListColumn("updated_at", ValueForm.TIME, default=False),
)


@app.command()
def add(
    url: Annotated[str, typer.Argument(metavar="URL", help="Where to send: https://…")],
    workspace: Annotated[str, workspace_option("Id of the workspace that owns it.")],
    types: Annotated[
        str | None, typer.Option(metavar="TYPES", help=f"{TYPES} By default all.")
    ] = None,
    space: Spaces = None,
    header: Headers = None,
    rate_limit: Rate = None,
    schedule: Schedule = None,
    payload_format: Format = "standard",
    secret: Secret = None,
    signing: Signing = "v1",
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Name for commands; unique in a workspace.")
    ] = None,
    content_filter: Filter = None,
    *,
    as_json: Json = False,
) -> None:
    """Register an endpoint; print it and, this once, its signing secret.

    Example: plaudit endpoints add https://hooks.example.com/plaudit
    --workspace 7d9f5c1e-52a4-4b0e-9a53-0c6d1f1f2a01 --types testimonial.approved
    """
    wanted = EndpointSpec(
        url,
        listed(types),
        tuple(space or ()),
        headers_of(header),
        rate_limit,
        schedule,
        payload_format,
        secret,
        name,
        content_filter,
        signing,
    )
    with endpoint_service() as service:
        _warn_of_another_key(service)
        show_endpoint(service, service.add(workspace, wanted), as_json=as_json)


def _warn_of_another_key(service: EndpointService) -> None:
    """Warn if the oldest endpoint needs another key: workers may lack that of a new endpoint."""
    for endpoint in service.page(None, 1):
        if public_or_problem(service, endpoint).get("problem") is not None:
            note(
                "plaudit: warning: earlier endpoints are sealed with another key, and the new one "
                "can be read with this key only; is PLAUDIT_SECRET_KEY that of the workers?"
            )


@app.command("list")
def list_endpoints(
    workspace: Annotated[str | None, workspace_option("Only endpoints of this workspace.")] = None,
    columns: Annotated[str | None, columns_option(COLUMNS)] = None,
    limit: Annotated[
        int | None,
        typer.Option(min=0, help="Most to show; 0: all. By default 1,000, or all with --json."),
    ] = None,
    *,
    as_json: Json = False,
) -> None:
    """List endpoints in order of creation; exit 1 if the key of one of them is missing."""
    most = (0 if as_json else MOST_LISTED) if limit is None else limit
    with endpoint_service() as service:
        found = service.page(workspace, most + 1) if most else service.list(workspace)
        shown = [public_or_problem(service, each) for each in (found[:most] if most else found)]
    if most and len(found) > most:
        note(f"plaudit: more than {most:,} endpoints; --limit 0 lists all of them")
    rows = shown if as_json else [{**each, "types": each["types"] or "all"} for each in shown]
    print_list(rows, COLUMNS, columns, as_json=as_json, nothing="no endpoints match")
    _conclude_list([each for each in shown if each["problem"]])


def _conclude_list(unreadable: Sequence[Mapping[str, Any]]) -> None:
    """Name the endpoints whose key is missing, and exit with 1 if any is."""
    for each in unreadable[:MOST_NAMED]:
        named = f"{each['name']} ({each['id']})" if each["name"] else each["id"]
        note(f"plaudit: endpoint {named} can't be decrypted: {each['problem']}")
    if len(unreadable) > MOST_NAMED:
        note(f"plaudit: {len(unreadable) - MOST_NAMED:,} more can't be decrypted")
    if unreadable:
        raise typer.Exit(Exit.FAILED)


@app.command()
def show(endpoint: Endpoint, workspace: Workspace = None, *, as_json: Json = False) -> None:
    """Show an endpoint, without its secret."""
    wanted = endpoint_id_of(endpoint, workspace)
    with endpoint_service() as service:
        show_endpoint(service, WrittenEndpoint(service.get(wanted)), as_json=as_json)


@app.command()
def update(
    context: typer.Context,
    endpoint: Endpoint,
    url: Annotated[str | None, typer.Option(metavar="URL", help="Where to send.")] = None,
    types: Annotated[
        str | None,
        typer.Option(metavar="TYPES", help=f'{TYPES} Unchanged by default; "all" for all.'),
    ] = None,
    space: Spaces = None,
    header: Headers = None,
    remove_header: Annotated[
        list[str] | None,
        typer.Option("--remove-header", metavar="NAME", help="Remove this header; repeatable."),
    ] = None,
    rate_limit: Rate = None,
    schedule: Schedule = None,
    payload_format: NewFormat = None,
    content_filter: Filter = None,
    signing: NewSigning = None,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help='New name; "" removes it.')
    ] = None,
    workspace: Workspace = None,
    *,
    as_json: Json = False,
) -> None:
    """Change the fields that the options name; the others stay.

    `--types all`, `--space all`, `--rate-limit 0`, `--schedule ""` and `--filter ""` remove a
    limit. `--header` replaces all headers. A URL with another host drops the headers, which belong
    to the former host, unless `--header` sets them again.

    Example: plaudit endpoints update crm --rate-limit 20
    """
    if not _given(context):
        fail("nothing to change: give an option, such as --types or --url", Exit.USAGE)
    wanted_id = endpoint_id_of(endpoint, workspace)
    with endpoint_service() as service:
        stored = service.get(wanted_id)
        now = service.spec_of(stored)
        wanted = replace(
            now,
            url=url or now.url,
            types=now.types if types is None else listed(types),
            spaces=now.spaces if space is None else _spaces(space),
            headers=_headers(now, header, remove_header),
            rate_limit=now.rate_limit if rate_limit is None else rate_limit or None,
            schedule=now.schedule if schedule is None else schedule or None,
            format=payload_format or now.format,
            content_filter=now.content_filter if content_filter is None else content_filter or None,
            name=now.name if name is None else name or None,
            signing=signing or now.signing,
        )
        if header is None:
            wanted = without_headers_of(now, wanted)
        same = wanted == now
        written = WrittenEndpoint(stored) if same else service.update(wanted_id, wanted)
        show_endpoint(service, written, as_json=as_json)
    if same:
        note("plaudit: nothing changed")


@app.command()
def remove(endpoint: Endpoint, workspace: Workspace = None, *, yes: Yes = False) -> None:
    """Delete an endpoint, after a confirmation; its pending deliveries are cancelled."""
    wanted = endpoint_id_of(endpoint, workspace)
    with endpoint_service() as service:
        known = service.get(wanted)
        shown = f"{known.name} ({wanted})" if known.name else wanted
        question = f"Delete endpoint {shown} and cancel its pending deliveries?"
        require_agreement(question, "removed", yes=yes)
        warn(service.remove(wanted))
        note(f"removed {shown}")


operations.add_to(app)
for _each in (upkeep.apply, upkeep.sync, upkeep.reseal):
    app.command()(_each)
app.command("restore")(restoring.restore_endpoints)


def _given(context: typer.Context) -> bool:
    """Return whether an option names a change."""
    beside = {"endpoint", "workspace", "as_json"}
    sources = {name: context.get_parameter_source(name) for name in context.params}
    return any(
        source is not None and source.name == "COMMANDLINE" and name not in beside
        for name, source in sources.items()
    )


def _spaces(given: list[str]) -> tuple[str, ...]:
    return () if given == ["all"] else tuple(given)


def _headers(
    now: EndpointSpec, header: list[str] | None, remove_header: list[str] | None
) -> dict[str, str]:
    """Return the headers of a changed endpoint; exit if one to remove does not exist."""
    headers = dict(now.headers) if header is None else headers_of(header)
    for name in remove_header or ():
        found = next((each for each in headers if each.lower() == name.lower()), None)
        if found is None:
            fail(f"--remove-header: the endpoint does not send {name!r}", Exit.USAGE)
        del headers[found]
    return headers
