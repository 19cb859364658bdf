"""`plaudit endpoints apply|sync|reseal`: commands for many endpoints at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from plaudit.cli.endpoints.output import endpoint_service, warn_of
from plaudit.cli.ui.output import note, print_json

if TYPE_CHECKING:
    from plaudit.store.endpoints.manifest import Step

_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
SAY_EVERY_S: Final = 2.0


def apply(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="YAML with `workspace` and `endpoints`.")
    ],
    *,
    env: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Variable that the file may use as ${NAME}; repeatable."),
    ] = None,
    prune: Annotated[
        bool, typer.Option("--prune", help="Delete named endpoints that are not in the file.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only print what would change.")
    ] = False,
    as_json: _Json = False,
) -> None:
    """Create, update and (with --prune) delete named endpoints to match a YAML file; idempotent.

    The file may use variables whose names begin with PLAUDIT_VAR_, and those given by --env.

    Example: plaudit endpoints apply endpoints.yaml --env CRM_TOKEN
    """
    # Other commands start without YAML.
    from plaudit.store.endpoints.manifest import (  # noqa: PLC0415 - takes long
        carry_out,
        plan,
        read_file,
    )

    desired = read_file(file, env or ())
    with endpoint_service() as service:
        steps = plan(service, desired, prune=prune)
        number = 0 if dry_run else carry_out(service, steps)
        # First, because the secrets of new endpoints are shown only once.
        for step in steps:
            _say_step(step, done=not dry_run, as_json=as_json)
        if not dry_run:
            warn_of(service.batch.announce(number, _progress(len(steps))))


def sync(
    *,
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove endpoints that the database does not know.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Skip the confirmation of --prune.")
    ] = False,
) -> None:
    """Write every endpoint to Kafka again, after a restored backup.

    With --prune, endpoints that workers serve and this database does not contain are removed:
    their pending deliveries are cancelled. It lists them, and asks.
    """
    with endpoint_service() as service:
        note(f"announced {service.sync(_progress(len(service.list())))} endpoints")
        if prune:
            # The other commands do not need this import, and start in half the time without it.
            from plaudit.cli.endpoints.unknown_endpoints import remove_unknown  # noqa: PLC0415 - takes long

            remove_unknown(service, yes=yes)


def reseal() -> None:
    """Re-encrypt all secrets with the first key of PLAUDIT_SECRET_KEY, so others can be removed.

    Every process needs the new key first: workers to decrypt, the others to encrypt. Afterwards the
    other keys may be removed. It also binds the records of earlier releases to their owners: see
    PLAUDIT_REQUIRE_BOUND_ENDPOINTS.
    """
    with endpoint_service() as service:
        note(f"sealed {service.reseal()} endpoints with the first key, and wrote all again")


def _say_step(step: Step, *, done: bool, as_json: bool) -> None:
    change = step.change if done else None
    endpoint = None if change is None else change.endpoint.endpoint_id
    secret = None if change is None else change.secret
    if as_json:
        said = {"action": step.action, "name": step.name, "id": endpoint, "secret": secret}
        print_json(said)
    else:
        more = "".join(f"  {each}" for each in (endpoint, secret) if each)
        typer.echo(f"{step.action:8} {step.name}{more}")
    for warning in () if step.change is None else step.change.warnings:
        note(f"plaudit: warning: {step.name}: {warning}")


def _progress(total: int) -> Callable[[int], None]:
    """Return a progress reporter for changes that the brokers have acknowledged."""
    said_at = time.monotonic()

    def report(count: int) -> None:
        nonlocal said_at
        if time.monotonic() - said_at > SAY_EVERY_S:
            said_at = time.monotonic()
            note(f"announced {count:,} of {total:,}")

    return report
