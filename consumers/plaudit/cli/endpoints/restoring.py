"""`plaudit endpoints restore`: endpoints from Kafka into an empty database."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import Annotated, Final

import typer

from plaudit.cli.ui.database import opened_database
from plaudit.cli.ui.listing import ListColumn, ValueForm, print_list
from plaudit.cli.ui.output import Exit, fail, note
from plaudit.deliver.settings import SealSettings
from plaudit.kafka.settings import KafkaSettings
from plaudit.store.endpoints.restore import (
    DatabaseNotEmpty,
    Restoration,
    plan_restoration,
    restore,
)
from plaudit.store.endpoints.rows import StoredEndpoint

_COLUMNS: Final = (
    ListColumn("id", ValueForm.ID),
    ListColumn("workspace_id", ValueForm.ID),
    ListColumn("version", ValueForm.NUMBER),
    ListColumn("status"),
    ListColumn("key_id"),
)


def restore_endpoints(
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only print what would be restored.")
    ] = False,
    merge: Annotated[
        bool, typer.Option("--merge", help="Add endpoints to a database that contains others.")
    ] = False,
    unsigned: Annotated[
        bool,
        typer.Option(
            "--unsigned", help="Also restore records of old releases, which have no signature."
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")] = False,
) -> None:
    """Restore endpoints from Kafka into an empty database, after the loss of the database.

    The topic of endpoints holds everything but names, API keys and the log. Sealed fields are
    copied unopened. `plaudit record --rebuild` restores the log.

    Example: plaudit endpoints restore --dry-run
    """
    settings, keys = KafkaSettings(), SealSettings().keys
    found = plan_restoration(_read(settings), keys, unsigned=unsigned)
    engine = opened_database()
    try:
        restored = restore(engine, found.endpoints, merge=merge, dry_run=dry_run)
    except DatabaseNotEmpty as refusal:
        fail(str(refusal), Exit.FAILED)
    finally:
        engine.dispose()
    print_list([_row(each) for each in restored], _COLUMNS, as_json=as_json)
    _say(found, restored, dry_run=dry_run)


def _read(settings: KafkaSettings) -> dict[str, bytes]:
    """Return the latest record of each endpoint."""
    # Other commands start without it.
    from plaudit.kafka.read.compacted import CompactedTopic  # noqa: PLC0415 - takes long

    values: dict[str, bytes] = {}

    def apply(key: bytes, value: bytes | None) -> None:
        endpoint_id = key.decode("utf-8", "replace")
        if value is None:
            values.pop(endpoint_id, None)
        else:
            values[endpoint_id] = value

    with closing(CompactedTopic(settings, settings.names.endpoints, apply)) as follower:
        follower.read_to_end()
    return values


def _row(endpoint: StoredEndpoint) -> dict[str, object]:
    return {
        "id": endpoint.endpoint_id,
        "workspace_id": endpoint.workspace_id,
        "version": endpoint.version,
        "status": endpoint.status,
        "key_id": endpoint.sealed.key_id,
    }


def _say(found: Restoration, restored: Sequence[StoredEndpoint], *, dry_run: bool) -> None:
    for each in found.skipped:
        note(f"plaudit: {each.endpoint_id} is skipped: {each.why}")
    if found.sealed_elsewhere:
        count = len(found.sealed_elsewhere)
        note(f"plaudit: {count:,} are sealed with a key that PLAUDIT_SECRET_KEY does not hold")
    workspaces = len({each.workspace_id for each in restored})
    present = len(found.endpoints) - len(restored)
    beside = f"; {present:,} were in the database already" if present else ""
    done = "would restore" if dry_run else "restored"
    note(f"{done} {len(restored):,} endpoints of {workspaces:,} workspaces{beside}")
