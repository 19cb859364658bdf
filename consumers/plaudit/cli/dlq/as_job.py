"""Queueing of a job by a command, in place of doing the work itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from plaudit.cli.ui.output import Exit, fail

if TYPE_CHECKING:
    from plaudit.cli.dlq.options import Chosen


def queue_letters(
    kind: str, chosen: Chosen, given: Mapping[str, Any], *, dry_run: bool = False
) -> None:
    """Queue a redrive or a purge of the chosen dead letters."""
    asked = chosen.options
    if asked.topic or asked.attempts or asked.redrives or len(asked.workspace) > 1:
        why = "a job takes no --topic, --attempts and --redrives, and one --workspace at most"
        fail(f"--job: {why}", Exit.USAGE)
    conditions = {
        "endpoint_ids": asked.endpoint,
        "types": asked.type,
        "reasons": asked.reason,
        "statuses": asked.status,
        "ids": asked.ids,
        "since": asked.since,
        "until": asked.until,
        "error": asked.error,
    }
    params: dict[str, Any] = {
        "kind": kind,
        "letters": chosen.kind,
        "filter": _without_nothing(conditions),
        **given,
    }
    queue_job(params, chosen.workspace, dry_run=dry_run)


def queue_job(
    params: Mapping[str, Any], workspace: str | None = None, *, dry_run: bool = False
) -> None:
    """Queue a job for a runner; print its id, and how to follow it."""
    try:
        # A worker's installation has no database, and thus no jobs.
        from plaudit.cli.ui.queueing import create_job  # noqa: PLC0415 - of another extra
    except ModuleNotFoundError as error:
        way_out = 'pip install "plaudit[server]"'
        fail(f"--job: {error.name} is missing; {way_out}", Exit.USAGE)
    create_job(_without_nothing(params), workspace, dry_run=dry_run)


def _without_nothing(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value is not None and value != ()}
