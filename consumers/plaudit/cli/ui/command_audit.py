"""Audit entries of commands that write to Kafka only."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from plaudit.cli.ui.output import note

LONGEST_TARGET: Final = 200
LONGEST_COMMAND: Final = 4_000
_ARGUMENTS: ContextVar[Sequence[str]] = ContextVar("plaudit_arguments", default=())


@contextmanager
def command_line(arguments: Sequence[str]) -> Iterator[None]:
    """Remember the arguments of the current command for its audit entries."""
    token = _ARGUMENTS.set(arguments)
    try:
        yield
    finally:
        _ARGUMENTS.reset(token)


def record_command(action: str, target: str, workspace_id: str | None = None) -> None:
    """Write an entry with the current command line, before the command does its work.

    Without a database, nothing is written. A database that is unavailable is reported and stops
    nothing: dead letters have to be moved in an outage, too.

    Args:
        action: such as `dead_letters.redriven`.
        target: what the command works on.
        workspace_id: workspace that it concerns; None: all.
    """
    try:
        # A worker's installation has no database.
        from plaudit.cli.ui.database import existing_database  # noqa: PLC0415 - of another extra
        from plaudit.store.audit.record import record_change  # noqa: PLC0415 - of another extra
        from plaudit.store.db import database  # noqa: PLC0415 - of another extra
    except ModuleNotFoundError:
        return
    given = {"command": shlex.join(_ARGUMENTS.get())[:LONGEST_COMMAND]}
    try:
        engine = existing_database()
        if engine is None:
            return
        try:
            with database.translated(), engine.begin() as connection:
                target = target[:LONGEST_TARGET]
                record_change(connection, action, target, workspace_id, None, given)
        finally:
            engine.dispose()
    except database.DatabaseFailure as failure:
        note(f"plaudit: the audit log has no entry of this run: {failure}")
