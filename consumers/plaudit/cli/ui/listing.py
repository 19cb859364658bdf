"""Lists: one line a row, never cut or wrapped.

On a terminal, columns are aligned, ids are short and times are local. Elsewhere, values are
complete and separated by tabs, without a heading. `--json` prints one object a line.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Final

import typer

from plaudit.cli.ui.ids import whole_id
from plaudit.cli.ui.output import Exit, fail, note, plain, print_json
from plaudit.records.suggestions import suggestion

SHORT_ID: Final = 8
"""Characters of an id on a terminal; every command that takes an id takes these."""
_GAP: Final = "  "


class ValueForm(Enum):
    """Form of a value on a terminal."""

    TEXT = "text"
    NUMBER = "number"
    ID = "id"
    TIME = "time"


@dataclass(frozen=True, slots=True)
class ListColumn:
    """A column of a list.

    Attributes:
        name: name of the value in a row, and for `--columns`.
        form: form on a terminal.
        default: whether it is printed unless `--columns` names others.
    """

    name: str
    form: ValueForm = ValueForm.TEXT
    default: bool = True


def columns_option(columns: Sequence[ListColumn]) -> Any:  # noqa: ANN401 - Typer's options are untyped
    """Return the option `--columns` of a list."""
    names = ", ".join(each.name for each in columns)
    return typer.Option("--columns", metavar="NAMES", help=f"Columns, comma-separated: {names}.")


def print_list(
    rows: Sequence[Mapping[str, Any]],
    columns: Sequence[ListColumn],
    chosen: str | None = None,
    *,
    as_json: bool = False,
    nothing: str | None = None,
) -> None:
    """Print rows in the form that the output takes.

    Args:
        rows: values by name.
        columns: columns of the list.
        chosen: value of `--columns`.
        as_json: print JSON.
        nothing: note on standard error if the list is empty.
    """
    wanted = chosen_columns(columns, chosen)
    if not rows and nothing is not None:
        note(nothing)
    if as_json:
        for row in rows:
            print_json(row if chosen is None else {each.name: row[each.name] for each in wanted})
        return
    terminal = sys.stdout.isatty()
    lines = aligned(rows, wanted) if terminal else tab_separated(rows, wanted)
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def chosen_columns(columns: Sequence[ListColumn], chosen: str | None) -> list[ListColumn]:
    """Return the columns to print; exit if one is unknown."""
    if chosen is None:
        return [each for each in columns if each.default]
    known = {each.name: each for each in columns}
    names = [name.strip() for name in chosen.split(",") if name.strip()]
    for name in names:
        if name not in known:
            fail(f"--columns: {name!r} is not a column; {suggestion(name, known)}", Exit.USAGE)
    return [known[name] for name in names]


def tab_separated(rows: Sequence[Mapping[str, Any]], columns: Sequence[ListColumn]) -> list[str]:
    """Return complete values, for programs."""
    return ["\t".join(_whole(row[each.name]) for each in columns) for row in rows]


def aligned(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[ListColumn], now: datetime | None = None
) -> list[str]:
    """Return short values below headings, for people."""
    moment = now or datetime.now().astimezone()
    cells = [[each.name.upper().replace("_", " ") for each in columns]]
    cells += [[_short(row[each.name], each.form, moment) for each in columns] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [_line(line, widths, columns) for line in cells] if rows else []


def _line(cells: Sequence[str], widths: Sequence[int], columns: Sequence[ListColumn]) -> str:
    padded = (
        cell.rjust(width) if column.form is ValueForm.NUMBER else cell.ljust(width)
        for cell, width, column in zip(cells, widths, columns, strict=True)
    )
    return _GAP.join(padded).rstrip()


def _whole(value: object) -> str:
    if value is None:
        return ""
    text = ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return plain(text).replace("\t", " ").replace("\n", " ")


def _short(value: object, form: ValueForm, now: datetime) -> str:
    text = _whole(value)
    if not text:
        return "-"
    match form:
        case ValueForm.ID:
            return text[:SHORT_ID] if whole_id(text) else text
        case ValueForm.TIME:
            return short_time(text, now)
        case ValueForm.TEXT | ValueForm.NUMBER:
            return text


def short_time(text: str, now: datetime) -> str:
    """Return a time in local time: of today without the date, of this year without the year."""
    moment = datetime.fromisoformat(text).astimezone(now.tzinfo)
    if moment.date() == now.date():
        return moment.strftime("%H:%M:%S")
    return moment.strftime("%b %d %H:%M" if moment.year == now.year else "%Y-%m-%d %H:%M")
