"""`plaudit schemas`: the event catalogue."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Final

import typer

from plaudit.cli.docs.asyncapi import asyncapi
from plaudit.cli.ui.brokers import note_refusals
from plaudit.cli.ui.listing import ListColumn, columns_option, print_list
from plaudit.cli.ui.output import Exit, fail, note
from plaudit.events.catalogue import CATALOGUE, lookup
from plaudit.events.compatibility import breaks
from plaudit.events.docs.document import document
from plaudit.events.examples import example_json, fresh_example_json
from plaudit.kafka.schemas import topic as schemas_topic
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.write.producer import Producer
from plaudit.records.codec import record_codec

app = typer.Typer(
    no_args_is_help=True, help="The event catalogue: list, show, check and register schemas."
)

RECORDS: Final = ("attempt", "endpoint")
COLUMNS: Final = (
    ListColumn("type"),
    ListColumn("topic"),
    ListColumn("key"),
    ListColumn("doc"),
    ListColumn("record", default=False),
    ListColumn("fingerprint", default=False),
)
_Type = Annotated[
    str, typer.Argument(metavar="TYPE", help="Event type, such as testimonial.approved.")
]


@app.command("list")
def list_types(
    columns: Annotated[str | None, columns_option(COLUMNS)] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")] = False,
) -> None:
    """List the event types with topic and record name."""
    rows = []
    for each in CATALOGUE.values():
        doc = str(each.schema["doc"])
        row = {
            "type": each.name,
            "record": each.record,
            "topic": str(each.entity),
            "key": ".".join(each.key_path),
            "fingerprint": each.fingerprint.hex(),
            "doc": doc,
        }
        rows.append(row if as_json else {**row, "doc": doc.partition(". ")[0]})
    print_list(rows, COLUMNS, columns, as_json=as_json)


@app.command()
def show(event_type: _Type) -> None:
    """Print the self-contained Avro schema (.avsc) of an event type, or of `attempt` or `endpoint`.

    Those two are the records of the topics `attempts` and `endpoints`.
    """
    is_record = event_type in RECORDS
    schema = record_codec(event_type).schema if is_record else lookup(event_type).schema
    typer.echo(json.dumps(schema, indent=2, ensure_ascii=False))


@app.command()
def example(
    event_type: _Type,
    *,
    fixed: Annotated[
        bool, typer.Option("--fixed", help="Print the id and time of the documentation.")
    ] = False,
) -> None:
    """Print a valid event as one line of JSON, as input for `plaudit publish TYPE -`.

    Each run gives the event a new id and the current time: subscribers drop an id that they know.
    """
    typer.echo(example_json(event_type) if fixed else fresh_example_json(event_type))


@app.command()
def check() -> None:
    """Compare every schema with those of all releases, in both directions (FULL_TRANSITIVE)."""
    found = breaks()
    for each in found:
        note(f"plaudit: {each}")
    if found:
        raise typer.Exit(Exit.FAILED)
    typer.echo(f"{len(CATALOGUE)} schemas are compatible with every release")


@app.command()
def register() -> None:
    """Register every schema: in the `schemas` topic, and in the registry if one is configured.

    A deployment step: publishers and workers only look schemas up. The topic gets the schemas in
    either case, because outboxes and tools without a registry write single-object encoding.
    """
    settings = KafkaSettings()
    note_refusals(settings)
    if settings.schema_registry_url is not None:
        _register(settings.schema_registry_url)
    with Producer(settings) as producer:
        schemas = [each.schema_json for each in CATALOGUE.values()]
        done = schemas_topic.register(producer, settings.names.schemas, schemas)
    typer.echo(f"{len(done)} schemas are in {settings.names.schemas}")


def _register(url: str) -> None:
    try:
        # Only installations with a registry need an HTTP client.
        from plaudit.events.registry.client import RegistryClient  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        fail(f'{error.name} is missing; pip install "plaudit[registry]"', Exit.USAGE)
    client = RegistryClient(url)
    try:
        for each in CATALOGUE.values():
            typer.echo(f"{each.record}: id {client.register(each.record, each.schema_json)}")
        attempt = record_codec("attempt")
        schema_id = client.register(attempt.record, json.dumps(attempt.schema))
        typer.echo(f"{attempt.record}: id {schema_id}")
    finally:
        client.close()


@app.command()
def docs(
    file: Annotated[
        Path | None, typer.Option(help="Where to write; standard output by default.")
    ] = None,
    *,
    as_asyncapi: Annotated[
        bool, typer.Option("--asyncapi", help="An AsyncAPI 3 document instead of the page.")
    ] = False,
    compare: Annotated[
        bool, typer.Option("--check", help="Only compare with the file; exit 1 on a difference.")
    ] = False,
) -> None:
    """Write the catalogue as a page: fields, descriptions, examples, personal data.

    Examples:
      plaudit schemas docs --file docs/events.md
      plaudit schemas docs --asyncapi --file docs/asyncapi.json
    """
    page = asyncapi() if as_asyncapi else document()
    again = f"plaudit schemas docs{' --asyncapi' if as_asyncapi else ''} --file {file}"
    if file is None:
        typer.echo(page, nl=False)
    elif not compare:
        file.write_text(page, encoding="utf-8")
    elif not file.exists() or file.read_text(encoding="utf-8") != page:
        fail(f"{file} does not match the schemas; run `{again}`")
