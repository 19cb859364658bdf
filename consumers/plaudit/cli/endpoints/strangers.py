"""Endpoints in Kafka that the database does not contain: counted, listed and removed."""

from __future__ import annotations

import typer

from plaudit.cli.ui.database import existing_database
from plaudit.cli.ui.output import note
from plaudit.cli.ui.prompts import require_agreement
from plaudit.control.strangers import strangers
from plaudit.dlq.letters.endpoint_index import Directory
from plaudit.kafka.settings import KafkaSettings
from plaudit.store.db.database import DatabaseFailure, reading
from plaudit.store.endpoints.rows import find_all
from plaudit.store.endpoints.service import EndpointService


def count_strangers(settings: KafkaSettings) -> int | None:
    """Count served endpoints that are not in the database; None without a database."""
    try:
        engine = existing_database()
        if engine is None:
            return None
        try:
            with reading(engine) as connection, Directory(settings) as directory:
                return len(strangers(directory, find_all(connection)))
        finally:
            engine.dispose()
    except DatabaseFailure as failure:
        note(f"plaudit: endpoints are not compared with the database: {failure}")
        return None


def remove_strangers(service: EndpointService, *, yes: bool) -> None:
    """List the endpoints that the database does not contain; remove them after a confirmation."""
    with Directory(KafkaSettings()) as directory:
        unknown = strangers(directory, service.list())
    for each in unknown:
        typer.echo(f"{each.endpoint_id}  workspace {each.workspace_id}")
    if not unknown:
        note("every endpoint in Kafka is in the database")
        return
    require_agreement(f"Remove these {len(unknown):,} endpoints?", "removed", yes=yes)
    service.forget([each.endpoint_id for each in unknown])
    note(f"removed {len(unknown):,} endpoints")
