"""`plaudit import`: reviews from CSV, JSON lines and JSON."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from plaudit.bulk.control import Control
from plaudit.bulk.guard import LAG_CAP, LagGuard
from plaudit.cli.ui.output import Exit, fail, note, print_json
from plaudit.cli.ui.progress import watched
from plaudit.importer.errors import ImportRefused, ImportStopped
from plaudit.importer.fields import FIELDS, Mapped, map_columns
from plaudit.importer.files import Format, ReviewFile, open_file
from plaudit.importer.job import PATIENCE_S, Import, Outcome, Source, Way, dry_run
from plaudit.importer.journal import Journal, journal_folder
from plaudit.importer.names import Target
from plaudit.importer.rejects import Rejects
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.write.producer import Producer, ProducerConfig
from plaudit.publish.schema_ids import RegistryIds

_PAIR = "FIELD=VALUE"


def command(
    file: Annotated[Path, typer.Argument(help="CSV, JSON lines, or a JSON list of objects.")],
    workspace: Annotated[UUID, typer.Option(help="Whose reviews they are.")],
    space: Annotated[UUID, typer.Option(help="The collection that they go to.")],
    columns: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="FIELD=COLUMN", help=f"Of {', '.join(FIELDS)}."),
    ] = None,
    values: Annotated[
        list[str] | None,
        typer.Option("--set", metavar=_PAIR, help="What a field is in every row."),
    ] = None,
    mapping: Annotated[
        Path | None,
        typer.Option(help="TOML with the tables `columns` and `values`; options come first."),
    ] = None,
    kind: Annotated[
        Format | None, typer.Option("--format", help="By default from the file's name.")
    ] = None,
    encoding: Annotated[
        str | None, typer.Option(help="Of the text; UTF-8, unless the file says so itself.")
    ] = None,
    delimiter: Annotated[
        str | None, typer.Option(help="Of a CSV file; found out if unset.")
    ] = None,
    date_format: Annotated[
        str | None, typer.Option(help="As strptime has it, or `epoch`; ISO 8601 if unset.")
    ] = None,
    rating_scale: Annotated[
        int, typer.Option(min=1, help="The best rating, where a row does not say.")
    ] = 5,
    status: Annotated[str, typer.Option(help="What the reviews are when they are in.")] = "pending",
    bad: Annotated[
        Path | None, typer.Option(help="Where bad rows go; beside the file if unset.")
    ] = None,
    journal: Annotated[
        Path | None, typer.Option(help="Folder of the journals of what was imported.")
    ] = None,
    max_lag: Annotated[
        int, typer.Option(min=0, help="Wait while so many deliveries are overdue; 0: never.")
    ] = LAG_CAP,
    *,
    backfill: Annotated[
        bool, typer.Option(help="Mark them as history, which subscribers may skip.")
    ] = True,
    ids_from_content: Annotated[
        bool, typer.Option("--ids-from-content", help="For rows that have no id of their own.")
    ] = False,
    dry: Annotated[
        bool, typer.Option("--dry-run", help="Publish nothing; show the first errors.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the counts as JSON.")] = False,
) -> None:
    """Import reviews: review.imported for each row, then import.completed.

    Columns are recognised by their names. A review has the same ids in each run, and a journal
    stores what the brokers have acknowledged. So importing a file twice publishes nothing new, and
    a stopped import resumes when it is started again. Rejected rows are written to a file.

    Examples:
      plaudit import reviews.csv --workspace … --space … --set platform=google --dry-run
      plaudit import reviews.csv --workspace … --space … --map customer_name="Full name"
    """
    target = Target(workspace, space, status, backfill, rating_scale, ids_from_content)
    reviews = open_file(file, kind=kind, encoding=encoding, delimiter=delimiter)
    mapped = _mapped(reviews, mapping, columns or (), values or (), date_format)
    source = Source(reviews, mapped, target)
    with watched("import") as control:
        if dry:
            outcome = dry_run(source, control)
            rejects = None
        else:
            rejects = Rejects(bad or _beside(reviews), reviews.format, reviews.columns)
            outcome = _import(source, rejects, journal or journal_folder(), max_lag, control)
    _conclude(outcome, rejects, as_json=as_json)


def _import(
    source: Source, rejects: Rejects, folder: Path, max_lag: int, control: Control
) -> Outcome:
    settings = KafkaSettings()
    registry = RegistryIds(settings)
    producer = Producer(settings, ProducerConfig(delivery_timeout_ms=int(PATIENCE_S * 1_000)))
    way = Way(producer, settings.names, registry)
    try:
        with (
            Journal(folder, source.target.space_id) as journal,
            rejects,
            LagGuard(settings, max_lag) as guard,
        ):
            return Import(source, way, journal, rejects, guard, control).run()
    except ImportStopped as stopped:
        fail(f"{stopped}; run the same command again to resume")
    finally:
        producer.close(0)
        registry.close()


def _beside(reviews: ReviewFile) -> Path:
    suffix = reviews.path.suffix if reviews.format == "csv" else ".jsonl"
    return reviews.path.with_suffix(f".bad{suffix}")


def _mapped(
    file: ReviewFile,
    mapping: Path | None,
    columns: Iterable[str],
    values: Iterable[str],
    date_format: str | None,
) -> Mapped:
    """Merge the mapping file and the options."""
    read = {} if mapping is None else _read(mapping)
    given = {**read.get("columns", {}), **dict(_pair("--map", each) for each in columns)}
    fixed = {**read.get("values", {}), **dict(_pair("--set", each) for each in values)}
    return map_columns(file.columns, given, fixed, date_format or read.get("date_format"))


def _read(path: Path) -> dict[str, Any]:
    try:
        read = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ImportRefused(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ImportRefused(f"{path}: no TOML: {error}") from None
    for table in ("columns", "values"):
        pairs = read.get(table, {})
        if not isinstance(pairs, dict) or not all(isinstance(each, str) for each in pairs.values()):
            raise ImportRefused(f"{path}: [{table}] has to give a text for each field")
    strange = read.keys() - {"columns", "values", "date_format"}
    if strange or not isinstance(read.get("date_format", ""), str):
        names = ", ".join(sorted(strange)) or "date_format"
        raise ImportRefused(f"{path}: {names}: there are [columns], [values] and date_format")
    return read


def _pair(option: str, text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise ImportRefused(f"{option} {text}: not of the form {_PAIR}")
    return name.strip(), value


def _conclude(outcome: Outcome, rejects: Rejects | None, *, as_json: bool) -> None:
    total = outcome.total
    shown: dict[str, object] = {"rows": outcome.rows, "failed": outcome.failed}
    if total is not None:
        shown |= {
            "import_id": outcome.import_id,
            "published": outcome.published,
            "imported": total.imported,
            "skipped": total.skipped,
        }
    if as_json:
        print_json(shown)
    else:
        note(
            ", ".join(
                f"{name} {value:,}" if isinstance(value, int) else f"{name} {value}"
                for name, value in shown.items()
            )
        )
    if outcome.repeated:
        note("plaudit: this file was imported before; nothing was published")
    for error in outcome.errors:
        note(f"plaudit: {error}")
    if outcome.failed > len(outcome.errors):
        note(f"plaudit: … and {outcome.failed - len(outcome.errors):,} more")
    if outcome.failed:
        if rejects is not None:
            note(f"plaudit: bad rows are in {rejects.path}; put right, they can be imported")
        raise typer.Exit(Exit.USAGE)
