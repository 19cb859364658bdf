"""Endpoints in Kafka that the database does not contain: counted, listed and removed."""

from __future__ import annotations

from concurrent.futures import Future
from threading import Thread
from typing import Final

import typer
from sqlalchemy.engine import Engine

from plaudit.cli.ui.database import existing_database
from plaudit.cli.ui.output import note
from plaudit.cli.ui.prompts import require_agreement
from plaudit.control.unknown_endpoints import unknown_endpoints
from plaudit.dlq.letters.endpoint_index import EndpointDirectory
from plaudit.kafka.errors import SettingsError
from plaudit.kafka.settings import KafkaSettings
from plaudit.store.db.database import VARIABLE, DatabaseFailure, reading
from plaudit.store.endpoints.rows import find_all
from plaudit.store.endpoints.service import EndpointService

ANSWER_S: Final = 0.5
"""Time in which the database has to answer, so that `plaudit status` takes at most two seconds."""


def count_unknown(settings: KafkaSettings) -> int | None:
    """Count served endpoints that are not in the database; None without a database."""
    try:
        engine = _opened_soon()
        if engine is None:
            return None
        try:
            with reading(engine) as connection, EndpointDirectory(settings) as index:
                return len(unknown_endpoints(index, find_all(connection)))
        finally:
            engine.dispose()
    except DatabaseFailure as failure:
        note(f"plaudit: endpoints are not compared with the database: {failure}")
        return None


def _opened_soon() -> Engine | None:
    """Open the database, if there is one.

    Raises:
        DatabaseFailure: it can't be used, or does not answer at once.
        SettingsError: its URL is invalid.
    """
    opened: Future[Engine | None] = Future()

    def open_it() -> None:
        try:
            opened.set_result(existing_database())
        except (DatabaseFailure, SettingsError) as error:
            opened.set_exception(error)

    # The driver waits for minutes; a daemon thread does not delay the end of the process.
    Thread(target=open_it, daemon=True).start()
    try:
        return opened.result(ANSWER_S)
    except TimeoutError:
        raise DatabaseFailure(f"no answer from {VARIABLE} within {ANSWER_S:g} s") from None


def remove_unknown(service: EndpointService, *, yes: bool) -> None:
    """List the endpoints that the database does not contain; remove them after a confirmation."""
    with EndpointDirectory(KafkaSettings()) as index:
        unknown = unknown_endpoints(index, service.list())
    for each in unknown:
        typer.echo(f"{each.endpoint_id}  workspace {each.workspace_id}")
    if not unknown:
        note("every endpoint in Kafka is in the database")
        return
    require_agreement(f"Remove these {len(unknown):,} endpoints?", "removed", yes=yes)
    service.forget([each.endpoint_id for each in unknown])
    note(f"removed {len(unknown):,} endpoints")
