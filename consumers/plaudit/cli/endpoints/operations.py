"""`plaudit endpoints rotate-secret|enable|disable|health|notify|test`: one endpoint's operation."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Annotated, Final

import typer

from plaudit.cli.dlq.as_job import queue_job
from plaudit.cli.endpoints.endpoint_options import Endpoint, Json, Workspace
from plaudit.cli.endpoints.output import endpoint_service, show_endpoint
from plaudit.cli.ui.database import opened_database
from plaudit.cli.ui.durations import duration_option
from plaudit.cli.ui.endpoint_names import endpoint_id_of
from plaudit.cli.ui.fields import print_fields
from plaudit.cli.ui.output import Exit, fail, note, print_json
from plaudit.records.suggestions import suggestion
from plaudit.records.times import wall_ms
from plaudit.store.db.database import reading
from plaudit.store.endpoints.changes import WrittenEndpoint
from plaudit.store.endpoints.notices import NoticeType
from plaudit.store.endpoints.workspaces import WorkspaceService

_OVERLAP_S: Final = 86_400.0
_LONGEST_S: Final = 604_800.0


def rotate_secret(
    endpoint: Endpoint,
    overlap: Annotated[
        float,
        duration_option(
            "How long the old secret keeps signing.", default_s=_OVERLAP_S, most_s=_LONGEST_S
        ),
    ] = _OVERLAP_S,
    workspace: Workspace = None,
    *,
    as_json: Json = False,
) -> None:
    """Create a new secret, shown only once; former ones keep signing until their overlap ends."""
    wanted = endpoint_id_of(endpoint, workspace)
    with endpoint_service() as service:
        written = service.rotate_secret(wanted, round(overlap * 1_000))
        show_endpoint(service, written, as_json=as_json)


def enable(
    endpoint: Endpoint,
    rate: Annotated[
        float | None,
        typer.Option(min=0.01, metavar="NUMBER", help="With --recover: most records per second."),
    ] = None,
    workspace: Workspace = None,
    *,
    recover: Annotated[
        bool,
        typer.Option("--recover", help="Also send its dead letters and what it missed."),
    ] = False,
    job: Annotated[
        bool,
        typer.Option("--job", help="With --recover: as a job, which a runner carries out."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Enable an endpoint from now on; --recover also sends what it missed."""
    if job and not recover:
        fail("--job: needs --recover, which is the job", Exit.USAGE)
    wanted = endpoint_id_of(endpoint, workspace)
    with endpoint_service() as service:
        before = service.get(wanted)
        since = service.disabled_since(before)
        served = recover and before.status == "active"
        now = WrittenEndpoint(before, missed_since=since) if served else service.enable(wanted)
        shown = replace(now, missed_since=None) if recover else now
        show_endpoint(service, shown, as_json=as_json)
    if job:
        queue_job({"kind": "recovery", "endpoint_id": wanted, "rate": rate}, before.workspace_id)
    elif recover:
        # The other commands do not need this import, and start in half the time without it.
        from plaudit.cli.endpoints.recover import recover_endpoint  # noqa: PLC0415 - takes long, is seldom needed

        recover_endpoint(now, rate, as_json=as_json)


def disable(
    endpoint: Endpoint,
    reason: Annotated[
        str, typer.Option(metavar="TEXT", help="Reason, for the endpoint's owner.")
    ] = "by an operator",
    workspace: Workspace = None,
    *,
    as_json: Json = False,
) -> None:
    """Disable an endpoint; its pending deliveries become dead letters."""
    wanted = endpoint_id_of(endpoint, workspace)
    with endpoint_service() as service:
        show_endpoint(service, service.disable(wanted, reason), as_json=as_json)


def health(
    endpoint: Endpoint,
    since: Annotated[
        str, typer.Option(metavar="TIME", help="Start: RFC 3339, or an age such as 2h.")
    ] = "24h",
    workspace: Workspace = None,
    *,
    as_json: Json = False,
) -> None:
    """Show an endpoint's health: success rate, percentiles, consecutive failures, last error."""
    # Other commands start without the log and the dead letters.
    from plaudit.dlq.letters.filters import moment  # noqa: PLC0415 - takes long
    from plaudit.records.explanations import explain  # noqa: PLC0415 - takes long
    from plaudit.store.log.stats import health_of  # noqa: PLC0415 - takes long

    since_ms = moment("--since", since, wall_ms()) or 0
    wanted = endpoint_id_of(endpoint, workspace)
    engine = opened_database()
    try:
        with endpoint_service(engine) as service:
            known = service.get(wanted)
        with reading(engine) as connection:
            found = health_of(connection, known.endpoint_id, since_ms)
    finally:
        engine.dispose()
    shown = {"name": known.name, "id": known.endpoint_id, "status": known.status, **found}
    if as_json:
        print_json(shown)
        return
    reason = shown["last_reason"]
    if reason is not None:
        shown["last_reason"] = explain(reason, shown["last_status"]).what
    print_fields(shown)


def notify(
    endpoint: Endpoint,
    workspace: Workspace = None,
    *,
    types: Annotated[
        str | None,
        typer.Option(
            metavar="TYPES", help="Types of these events, comma-separated; unchanged by default."
        ),
    ] = None,
    stop: Annotated[bool, typer.Option("--stop", help="Stop sending it these events.")] = False,
    as_json: Json = False,
) -> None:
    """Choose the endpoint that receives operational events of its workspace, and their types.

    The events are endpoint.disabled (the default), endpoint.failing, endpoint.recovered,
    delivery.exhausted and job.completed.

    Example: plaudit endpoints notify ops --types endpoint.disabled,endpoint.failing
    """
    chosen = None if types is None else _notice_types(types)
    wanted = endpoint_id_of(endpoint, workspace)
    engine = opened_database()
    try:
        with endpoint_service(engine) as service:
            known = service.get(wanted)
        workspaces = WorkspaceService(engine)
        target = None if stop else known.endpoint_id
        if stop and workspaces.get(known.workspace_id).notify_endpoint_id != known.endpoint_id:
            fail(f"{known.endpoint_id} is not the notification endpoint", Exit.USAGE)
        now = workspaces.notify(known.workspace_id, target, chosen)
    finally:
        engine.dispose()
    if as_json:
        print_json(asdict(now))
    else:
        target = now.notify_endpoint_id or "no endpoint"
        note(f"{', '.join(now.notify_types)} of workspace {now.workspace_id}: sent to {target}")


def _notice_types(text: str) -> list[NoticeType]:
    """Return the types of an option; exit if one is unknown."""
    known = [each.value for each in NoticeType]
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in known:
            hint = suggestion(name, known)
            fail(f"--types: {name!r} is not an operational event; {hint}", Exit.USAGE)
    if not names:
        fail(f"--types: give one or several of {', '.join(known)}", Exit.USAGE)
    return [NoticeType(name) for name in dict.fromkeys(names)]


def send_example(
    endpoint: Endpoint,
    event_type: Annotated[
        str | None,
        typer.Option(
            "--type", metavar="TYPE", help="Event type; by default one that the endpoint takes."
        ),
    ] = None,
    workspace: Workspace = None,
    *,
    as_json: Json = False,
) -> None:
    """Send a signed example now, marked `plaudit-test: true`; exit 1 unless the response is 2xx."""
    # The other commands do not need the HTTP engine.
    from plaudit.cli.endpoints.test_send import result_line, send_now, shown  # noqa: PLC0415 - takes long

    wanted = endpoint_id_of(endpoint, workspace)
    with endpoint_service() as service:
        stored = service.get(wanted)
    tested = send_now(stored, event_type)
    if as_json:
        print_json(shown(tested))
    else:
        note(result_line(tested))
    if not tested.matches:
        note("plaudit: warning: the endpoint's filter accepts none of the examples of its types")
    if not tested.succeeded:
        raise typer.Exit(Exit.FAILED)


def add_to(app: typer.Typer) -> None:
    """Add the commands to the group."""
    app.command("rotate-secret")(rotate_secret)
    for each in (enable, disable, health, notify):
        app.command()(each)
    app.command("test")(send_example)
