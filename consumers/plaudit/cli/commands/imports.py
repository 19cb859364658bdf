"""`plaudit import`: reviews from CSV, JSON lines and JSON."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from plaudit.bulk.control import Control
from plaudit.bulk.guard import LAG_CAP, LagGuard
from plaudit.cli.commands.import_report import conclude
from plaudit.cli.ui.output import fail
from plaudit.cli.ui.progress import watched
from plaudit.cli.ui.workspace_option import workspace_option
from plaudit.importer.columns import FIELDS
from plaudit.importer.dry_run import dry_run
from plaudit.importer.errors import ImportRefused, ImportStopped
from plaudit.importer.files import ReviewFile, open_file
from plaudit.importer.job import PATIENCE_S, Import, Way
from plaudit.importer.journal import Journal, journal_folder
from plaudit.importer.mapping import (
    FieldMap,
    field_map,
    load_profile,
    profile_names,
    read_mapping,
    resolve,
)
from plaudit.importer.names import TargetField
from plaudit.importer.outcome import Outcome
from plaudit.importer.rejects import Rejects
from plaudit.importer.rows import Format
from plaudit.importer.source import Source
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.write.producer import Producer, ProducerConfig
from plaudit.publish.schema_ids import RegistryIds

_PAIR = "FIELD=VALUE"
_SCALE = 5


def command(
    file: Annotated[Path, typer.Argument(help="CSV, JSON lines, or JSON with a list of objects.")],
    workspace: Annotated[str, workspace_option("Id of the workspace that owns the reviews.")],
    space: Annotated[UUID, typer.Option(help="Id of the space that the reviews go to.")],
    platform: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="PLATFORM",
            help=f"Platform that exported the file: {', '.join(profile_names())}.",
        ),
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="FIELD=COLUMN",
            help=f"Column of a field; repeatable. Fields: {', '.join(FIELDS)}.",
        ),
    ] = None,
    values: Annotated[
        list[str] | None,
        typer.Option("--set", metavar=_PAIR, help="Value of a field in every row; repeatable."),
    ] = None,
    mapping: Annotated[
        Path | None,
        typer.Option(help="TOML file with a mapping; options have priority over it."),
    ] = None,
    list_path: Annotated[
        str | None,
        typer.Option("--list", metavar="PATH", help="List of reviews in a JSON document."),
    ] = None,
    kind: Annotated[
        Format | None,
        typer.Option("--format", help="Format of the file; by default, its name decides."),
    ] = None,
    encoding: Annotated[
        str | None,
        typer.Option(
            metavar="ENCODING", help="Encoding; by default that of the byte order mark, or UTF-8."
        ),
    ] = None,
    delimiter: Annotated[
        str | None,
        typer.Option(metavar="CHARACTER", help="Separator of columns; detected by default."),
    ] = None,
    date_format: Annotated[
        str | None,
        typer.Option(
            metavar="FORMAT",
            help="Format of dates, such as %d.%m.%Y, or `epoch`; ISO 8601 by default.",
        ),
    ] = None,
    rating_scale: Annotated[
        int | None,
        typer.Option(min=1, help="Highest possible rating, where a row has none; 5 by default."),
    ] = None,
    status: Annotated[
        str,
        typer.Option(metavar="STATUS", help="Status of the imported reviews, such as approved."),
    ] = "pending",
    bad: Annotated[
        Path | None, typer.Option(help="File for rejected rows; beside the input by default.")
    ] = None,
    journal: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Folder for the journals, which remember imported reviews."
        ),
    ] = None,
    max_lag: Annotated[
        int, typer.Option(min=0, help="Pause while this many deliveries are overdue; 0: never.")
    ] = LAG_CAP,
    *,
    backfill: Annotated[
        bool, typer.Option(help="Mark the reviews as history, which subscribers may skip.")
    ] = True,
    ids_from_content: Annotated[
        bool,
        typer.Option(
            "--ids-from-content", help="Derive ids from the content, for rows without an id."
        ),
    ] = False,
    dry: Annotated[
        bool, typer.Option("--dry-run", help="Publish nothing; show columns, errors and one event.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the counts as JSON.")] = False,
) -> None:
    """Import reviews: review.imported for each row, then import.completed.

    Columns are recognized by their names, or by --from. A review has the same ids in each run, and
    a journal stores what the brokers have acknowledged. So importing a file twice publishes nothing
    new, and a stopped import resumes when you start it again. A file receives the rejected rows.

    Examples:
      plaudit import reviews.csv --workspace … --space … --from judgeme --dry-run
      plaudit import reviews.csv --workspace … --space … --set platform=google
      plaudit import reviews.csv --workspace … --space … --map customer_name="Full name"
    """
    profile = None if platform is None else load_profile(platform)
    asked = _asked(mapping, columns or (), values or (), date_format)
    whole = asked if profile is None else asked.merged_over(profile)
    reviews = open_file(
        file,
        kind=kind,
        encoding=encoding,
        delimiter=delimiter,
        list_path=list_path or whole.list_path,
        weight_of=whole.weight_of,
    )
    mapped = resolve(asked, reviews.columns, reviews.seen, profile)
    scale = rating_scale or whole.rating_scale or _SCALE
    from_content = ids_from_content or whole.ids_from_content
    target = TargetField(UUID(workspace), space, status, backfill, scale, from_content)
    source = Source(reviews, mapped, target)
    with watched("import") as control:
        if dry:
            outcome = dry_run(source, control)
            rejects = None
        else:
            rejects = Rejects(bad or _beside(reviews), reviews.format, reviews.columns)
            outcome = _import(source, rejects, journal or journal_folder(), max_lag, control)
    conclude(source, outcome, rejects, as_json=as_json)


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


def _asked(
    mapping: Path | None, columns: Iterable[str], values: Iterable[str], date_format: str | None
) -> FieldMap:
    """Return the mapping file's mapping, with the options in place of its entries."""
    pairs = dict(_pair("--map", each) for each in columns)
    fixed = dict(_pair("--set", each) for each in values)
    asked = field_map(pairs, fixed, date_format)
    return asked if mapping is None else asked.merged_over(read_mapping(mapping))


def _pair(option: str, text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise ImportRefused(f"{option} {text}: not of the form {_PAIR}")
    return name.strip(), value
