"""The option `--workspace` of every command: an id, or its first characters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import typer

from plaudit.cli.ui.endpoint_names import known_workspaces
from plaudit.cli.ui.ids import KnownObject, id_prefix, resolve, whole_id
from plaudit.cli.ui.output import Exit, fail

METAVAR: Final = "WORKSPACE"


def workspace_option(text: str) -> Any:  # noqa: ANN401 - Typer's options are untyped
    """Return the option of one workspace, with its help."""
    return typer.Option("--workspace", metavar=METAVAR, help=text, callback=_whole)


def workspaces_option(text: str) -> Any:  # noqa: ANN401 - Typer's options are untyped
    """Return the repeatable option, with its help."""
    return typer.Option("--workspace", metavar=METAVAR, help=text, callback=_each_whole)


def workspace_id_of(text: str) -> str:
    """Return the id of the workspace that a text names; exit if it fits none or several.

    The database is only opened for a short id. It knows the workspaces of endpoints,
    keys and deliveries.
    """
    if whole_id(text) is None and id_prefix(text) is None:
        fail(f"--workspace: {text!r} is not a UUID, nor its first characters", Exit.USAGE)
    return resolve(text, "workspace", lambda: map(KnownObject, known_workspaces(text)))


def _whole(given: str | None) -> str | None:
    return None if given is None else workspace_id_of(given)


def _each_whole(given: Sequence[str] | None) -> list[str] | None:
    return None if given is None else [workspace_id_of(each) for each in given]
