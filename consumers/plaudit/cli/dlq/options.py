"""Options that select dead letters, shared by the `plaudit dlq` commands."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn, cast

import typer

from plaudit.cli.ui.endpoint_names import endpoint_ids_of
from plaudit.cli.ui.ids import KnownObject, id_prefix, refuse_ambiguous, whole_id
from plaudit.cli.ui.output import Exit, fail
from plaudit.cli.ui.workspace_option import workspaces_option
from plaudit.dlq.letters.filters import FilterOptions, LetterFilter, parse
from plaudit.dlq.letters.letter import Kind
from plaudit.dlq.letters.reader import Letters
from plaudit.kafka.settings import KafkaSettings
from plaudit.records.times import time_text, wall_ms

_Many = list[str] | None
_Declared = tuple[Any, object]


def _many(metavar: str, text: str) -> _Declared:
    return Annotated[_Many, typer.Option(metavar=metavar, help=text)], None


def _one(metavar: str, text: str) -> _Declared:
    return Annotated[str | None, typer.Option(metavar=metavar, help=text)], None


CHOICES: Final[dict[str, tuple[Any, object]]] = {
    "kind": (
        Annotated[Kind, typer.Option(help="Deliveries, or records that can't be read as events.")],
        Kind.DELIVERIES,
    ),
    "workspace": (
        Annotated[_Many, workspaces_option("Only of this workspace; repeatable.")],
        None,
    ),
    "endpoint": _many("ENDPOINT", "Only of this endpoint, by name or id; repeatable."),
    "type": _many("TYPE", "Only of this event type; repeatable."),
    "reason": _many("REASON", "Only with this reason, such as exhausted; repeatable."),
    "topic": _many("TOPIC", "Only from this topic; repeatable."),
    "status": _many("STATUS", "Only with this last answer: 503, 5xx or none; repeatable."),
    "since": _one("TIME", "Dead-lettered at or after: RFC 3339, or an age: 2h."),
    "until": _one("TIME", "Dead-lettered before: RFC 3339, or an age: 10m."),
    "attempts": _one("RANGE", "Number of attempts: 10, 3-, -5 or 3-5."),
    "redrives": _one("RANGE", "Number of earlier redrives: 0 or 1-."),
    "id": _many("ID", "Delivery or event id, or its first characters; repeatable."),
    "ids": (
        Annotated[Path | None, typer.Option(metavar="FILE", help="File of ids, one a line.")],
        None,
    ),
    "error": _one("TEXT", "Only with this text in the last error."),
}


@dataclass(frozen=True, slots=True)
class Chosen:
    """Parsed options.

    Attributes:
        kind: kind of dead letters.
        filter: conditions for the letters.
        options: the conditions in text form.
        workspace: the only workspace of the conditions, in which names are looked for.
    """

    kind: Kind
    filter: LetterFilter
    options: FilterOptions
    workspace: str | None = None


def choosing(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that select letters to a command, as its first argument.

    Typer reads a command's signature, so the options are inserted there.
    """

    @wraps(command)
    def run(**given: Any) -> None:  # noqa: ANN401 - Typer passes what it parsed
        asked = {name: given.pop(name) for name in CHOICES}
        command(_chosen(asked), **given)

    own = list(inspect.signature(command, eval_str=True).parameters.values())[1:]
    options = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
        )
        for name, (annotation, default) in CHOICES.items()
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
    ids = [_whole_id(each, kind) for each in ids]
    file = asked.pop("ids")
    if file is not None:
        ids += _read_ids(file)
    workspaces: list[str] = asked["workspace"] or []
    workspace = workspaces[0] if len(workspaces) == 1 else None
    asked["endpoint"] = endpoint_ids_of(asked["endpoint"], workspace)
    fields = {name: value for name, value in asked.items() if value}
    wanted = FilterOptions(**fields, ids=ids if ids or file is not None else None)
    parsed = parse(wanted, wall_ms())
    return Chosen(kind, parsed, wanted, workspace)


def _whole_id(text: str, kind: Kind) -> str:
    """Return the id of the letter or event that a text names; return other texts unchanged."""
    prefix = id_prefix(text)
    if whole_id(text) or prefix is None:
        return text
    return letter_id_of(KafkaSettings(), kind, prefix, events=True)


def letter_id_of(settings: KafkaSettings, kind: Kind, text: str, *, events: bool = False) -> str:
    """Return the id of the letter that begins with a text; exit if none or several do.

    Args:
        settings: connection to Kafka.
        kind: kind of dead letters.
        text: first characters of the id, or all.
        events: whether the text may begin an event's id.
    """
    if whole_id(text) or ":" in text:
        return text
    prefix = id_prefix(text)
    found: dict[str, None] = {}
    with Letters(settings, kind) as letters:
        for letter in letters.read() if prefix else ():
            ids = (letter.id, letter.text("ce_id") or "") if events else (letter.id,)
            found.update((each, None) for each in ids if each.startswith(prefix or " "))
        if not found:
            refuse_missing(letters, kind, prefix or text)
    if len(found) > 1:
        refuse_ambiguous(text, "dead letter", [KnownObject(each) for each in found])
    return next(iter(found))


def refuse_missing(letters: Letters, kind: Kind, text: str) -> NoReturn:
    """Exit because no letter's id begins with a text; say where a removed one is shown."""
    removed = letters.removals(text)
    if len(removed) != 1:
        fail(f"dead letter {text!r} does not exist; `plaudit dlq list --id` also takes event ids")
    [(key, at_ms)] = removed.items()
    gone = f"dead letter {key} was retried or purged at {time_text(at_ms)}"
    if kind is Kind.DELIVERIES:
        fail(f"{gone}; `plaudit deliveries show {key}` shows its attempts")
    fail(f"{gone}; `plaudit audit list` shows by whom")


def _read_ids(file: Path) -> list[str]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        fail(f"--ids: {file}: {getattr(error, 'strerror', None) or 'not UTF-8 text'}", Exit.USAGE)
    found = [line.strip() for line in lines]
    ids = [line for line in found if line and not line.startswith("#")]
    if not ids:
        fail(f"--ids: {file} has no ids; write one a line", Exit.USAGE)
    return ids
