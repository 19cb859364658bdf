"""Options that select dead letters, shared by the `plaudit dlq` commands."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Final, cast

import typer

from plaudit.cli.ui.output import Exit, fail
from plaudit.dlq.letters.filters import FilterOptions, LetterFilter, parse
from plaudit.dlq.letters.letter import Kind
from plaudit.records.times import wall_ms

_Many = list[str] | None
_OPTIONS: Final[dict[str, tuple[Any, object]]] = {
    "kind": (
        Annotated[Kind, typer.Option(help="Deliveries, or records that can't be read as events.")],
        Kind.DELIVERIES,
    ),
    "workspace": (Annotated[_Many, typer.Option(help="Of this workspace; repeatable.")], None),
    "endpoint": (Annotated[_Many, typer.Option(help="Of this endpoint; repeatable.")], None),
    "type": (Annotated[_Many, typer.Option(help="Of this event type; repeatable.")], None),
    "reason": (Annotated[_Many, typer.Option(help="Such as exhausted; repeatable.")], None),
    "topic": (Annotated[_Many, typer.Option(help="From this topic; repeatable.")], None),
    "status": (
        Annotated[_Many, typer.Option(help="Last answer: 503, 5xx, none; repeatable.")],
        None,
    ),
    "since": (Annotated[str | None, typer.Option(help="Dead at or after: ISO 8601, or 2h.")], None),
    "until": (Annotated[str | None, typer.Option(help="Dead before: ISO 8601, or 10m.")], None),
    "attempts": (Annotated[str | None, typer.Option(help="Made: 10, 3-, -5 or 3-5.")], None),
    "redrives": (Annotated[str | None, typer.Option(help="Sent again before: 0, 1-.")], None),
    "id": (Annotated[_Many, typer.Option(help="Delivery or event id; repeatable.")], None),
    "ids": (Annotated[Path | None, typer.Option(help="File of ids, one a line.")], None),
    "error": (Annotated[str | None, typer.Option(help="Text in the last error.")], None),
}


@dataclass(frozen=True, slots=True)
class Chosen:
    """Parsed options.

    Attributes:
        kind: kind of dead letters.
        filter: conditions for the letters.
    """

    kind: Kind
    filter: LetterFilter


def choosing(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that select letters to a command, as its first argument.

    Typer reads a command's signature, so the options are inserted there.
    """

    @wraps(command)
    def run(**given: Any) -> None:  # noqa: ANN401 - Typer passes what it parsed
        asked = {name: given.pop(name) for name in _OPTIONS}
        command(_chosen(asked), **given)

    own = list(inspect.signature(command, eval_str=True).parameters.values())[1:]
    options = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
        )
        for name, (annotation, default) in _OPTIONS.items()
    ]
    first = [each for each in own if each.default is inspect.Parameter.empty]
    rest = [each for each in own if each.default is not inspect.Parameter.empty]
    named = [
        each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in (*first, *options, *rest)
    ]
    wrapped = cast("Any", run)
    wrapped.__signature__ = inspect.Signature(named)
    wrapped.__annotations__ = {each.name: each.annotation for each in named}
    del wrapped.__wrapped__  # otherwise Typer reads the signature of the wrapped function
    return run


def _chosen(asked: dict[str, Any]) -> Chosen:
    kind, ids = asked.pop("kind"), list(asked.pop("id") or ())
    file = asked.pop("ids")
    if file is not None:
        ids += _read_ids(file)
    fields = {name: value for name, value in asked.items() if value}
    wanted = FilterOptions(**fields, ids=ids if ids or file is not None else None)
    parsed = parse(wanted, wall_ms())
    return Chosen(kind, parsed)


def _read_ids(file: Path) -> list[str]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        fail(f"--ids: {file}: {getattr(error, 'strerror', None) or 'no text'}", Exit.USAGE)
    found = [line.strip() for line in lines]
    ids = [line for line in found if line and not line.startswith("#")]
    if not ids:
        fail(f"--ids: {file} has no ids; write one a line", Exit.USAGE)
    return ids
