"""Report of an import: columns, counts that add up to the rows of the file, and faults."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

import typer

from plaudit.cli.ui.output import Exit, note, plain, print_json
from plaudit.importer.fields import Column
from plaudit.importer.outcome import Outcome
from plaudit.importer.rejects import Rejects
from plaudit.importer.source import Source

FIRST_FAULTS: Final = 10
MOST_DROPPED: Final = 30


def conclude(source: Source, outcome: Outcome, rejects: Rejects | None, *, as_json: bool) -> None:
    """Print the report, and exit with 2 if a row was rejected.

    Args:
        source: what was imported.
        outcome: result.
        rejects: rejected rows; None for a dry run.
        as_json: whether to print the numbers as JSON.
    """
    if as_json:
        print_json(_numbers(source, outcome))
    else:
        _tell(source, outcome)
    if outcome.repeated:
        note("plaudit: this file was imported before; nothing was published")
    for line in outcome.report(FIRST_FAULTS):
        note(f"plaudit: {line}")
    if outcome.failed:
        if rejects is not None:
            note(f"plaudit: rejected rows are in {rejects.path}; correct and import that file")
        raise typer.Exit(Exit.USAGE)


def _numbers(source: Source, outcome: Outcome) -> dict[str, object]:
    shown: dict[str, object] = {
        "rows": outcome.rows,
        "failed": outcome.failed,
        "left_out": outcome.left_out,
    }
    if outcome.total is None:
        mapped = source.mapped
        return shown | {
            "columns": {
                field: [*column.names]
                for field, column in mapped.columns.items()
                if field not in mapped.values and _seen(source, column)
            },
            "values": mapped.values,
            "dropped": source.dropped(),
            "event": outcome.event,
        }
    return shown | {
        "import_id": outcome.import_id,
        "published": outcome.published,
        "already": outcome.already,
        "duplicates": outcome.duplicates,
        "imported": outcome.total.imported,
        "skipped": outcome.total.skipped,
        "dropped": source.dropped(),
    }


def _tell(source: Source, outcome: Outcome) -> None:
    for line in (*_columns(source), *_dropped(source)):
        note(line)
    note(_summary(outcome))
    if outcome.total is None and outcome.event is not None:
        note("The first review as it would be published:")
        typer.echo(plain(json.dumps(outcome.event, default=str, ensure_ascii=False, indent=2)))


def _summary(outcome: Outcome) -> str:
    left_out = f", {outcome.left_out:,} left out" if outcome.left_out else ""
    rows = f"{outcome.rows:,} row{'s' * (outcome.rows != 1)}"
    if outcome.total is None:
        good = outcome.rows - outcome.failed - outcome.left_out
        return f"{rows}: {good:,} can be imported{left_out}, {outcome.failed:,} failed (dry run)"
    return (
        f"{rows}: {outcome.published:,} new, {outcome.already:,} already imported, "
        f"{outcome.duplicates:,} duplicates{left_out}, {outcome.failed:,} failed"
    )


def _columns(source: Source) -> Iterator[str]:
    """Yield a line for each field, with the columns or the value that it comes from."""
    mapped = source.mapped
    file = source.file
    yield f"{file.path}: {file.format}" + (f", list {file.found.path}" if file.found.path else "")
    for field, value in mapped.values.items():
        yield f"  {field:20} = {value}"
    for field, column in mapped.columns.items():
        if field not in mapped.values and _seen(source, column):
            yield f"  {field:20} \N{LEFTWARDS ARROW} {', '.join(column.names)}"


def _seen(source: Source, column: Column) -> bool:
    return not {*column.names}.isdisjoint(source.file.seen)


def _dropped(source: Source) -> Iterator[str]:
    names = source.dropped()
    if names:
        more = f" and {len(names) - MOST_DROPPED:,} more" if len(names) > MOST_DROPPED else ""
        yield f"not imported: {', '.join(names[:MOST_DROPPED])}{more}"
