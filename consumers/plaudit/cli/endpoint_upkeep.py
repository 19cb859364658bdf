"""`plaudit endpoints apply|sync|reseal`: what concerns many endpoints at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from plaudit.cli.endpoint_output import endpoint_service, warn
from plaudit.cli.output import note, print_json
from plaudit.store.apply import carry_out, plan, read_file
from plaudit.store.service import Written

_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def apply(
    file: Annotated[Path, typer.Argument(help="YAML: workspace, and a list of endpoints.")],
    *,
    env: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="A variable that the file may fill in as ${NAME}; repeatable."
        ),
    ] = None,
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove named endpoints that the file has not.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    as_json: _Json = False,
) -> None:
    """Create, change and (with --prune) remove named endpoints, to match a file; idempotent.

    The file may fill in variables whose names begin with PLAUDIT_VAR_, and those given by --env.

    Example: plaudit endpoints apply endpoints.yaml --env CRM_TOKEN
    """
    desired = read_file(file, env or ())
    with endpoint_service() as service:
        steps = plan(service, desired, prune=prune)
        if dry_run:
            for step in steps:
                _say_step(step.action, step.name, None, as_json=as_json)
            return
        for step, written in carry_out(service, desired.workspace, steps):
            if written is not None:
                warn(written)
            _say_step(step.action, step.name, written, as_json=as_json)


def sync() -> None:
    """Write every endpoint to Kafka again, after a restored backup."""
    with endpoint_service() as service:
        note(f"announced {service.sync()} endpoints")


def reseal() -> None:
    """Seal every endpoint again, with the first key of PLAUDIT_SECRET_KEY; then the others may go.

    Every process has to have the new key first: deliverers to open, the others to seal with. It
    also binds the records of earlier releases to their owners: see PLAUDIT_REQUIRE_BOUND_ENDPOINTS.
    """
    with endpoint_service() as service:
        note(f"sealed {service.reseal()} endpoints with the first key, and wrote all again")


def _say_step(action: str, name: str, written: Written | None, *, as_json: bool) -> None:
    endpoint = None if written is None else written.endpoint.endpoint_id
    secret = None if written is None or action != "create" else written.secret
    if as_json:
        print_json({"action": action, "name": name, "id": endpoint, "secret": secret})
        return
    typer.echo(
        f"{action:8} {name}{f'  {endpoint}' if endpoint else ''}{f'  {secret}' if secret else ''}"
    )
