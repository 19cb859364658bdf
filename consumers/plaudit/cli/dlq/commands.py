"""`plaudit dlq`: dead letters."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from plaudit.cli.dlq.options import Chosen, choosing, letter_id_of, refuse_missing
from plaudit.cli.dlq.redrive import purge_letters, redrive_letters
from plaudit.cli.dlq.tables import count_lines, count_rows, nothing_matches
from plaudit.cli.ui.brokers import reachable_kafka
from plaudit.cli.ui.command_audit import record_command
from plaudit.cli.ui.console import PlainConsole
from plaudit.cli.ui.endpoint_names import endpoint_names
from plaudit.cli.ui.fields import print_fields
from plaudit.cli.ui.listing import ListColumn, ValueForm, columns_option, print_list
from plaudit.cli.ui.output import Exit, fail, new_file, note, print_json
from plaudit.cli.ui.quantities import counted
from plaudit.dlq.job.export import LineRefused, StoredLetter, line_of, read_line
from plaudit.dlq.job.rules import REMEDIES, Skip
from plaudit.dlq.letters.histogram import Histogram
from plaudit.dlq.letters.history import attempts_of
from plaudit.dlq.letters.letter import Kind, Letter, decoded
from plaudit.dlq.letters.reader import Letters
from plaudit.kafka.errors import BufferFull
from plaudit.kafka.permissions import require_write
from plaudit.kafka.schemas.lookup import BlockingSchemaLookup, SchemaLookup
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.write.producer import Ack, OnAck, Producer, SendFailure
from plaudit.records.explanations import explain
from plaudit.records.names import Header
from plaudit.records.times import time_text

app = typer.Typer(
    no_args_is_help=True, help="Dead letters: list, count, export, redrive and purge."
)

SCHEMAS_S: Final = 5.0
_FLUSH_S: Final = 60.0
COLUMNS: Final = (
    ListColumn("delivery_id", ValueForm.ID),
    ListColumn("endpoint", ValueForm.ID),
    ListColumn("event_type"),
    ListColumn("reason"),
    ListColumn("attempts", ValueForm.NUMBER),
    ListColumn("last_status", ValueForm.NUMBER),
    ListColumn("dead_at", ValueForm.TIME),
    ListColumn("last_error", default=False),
    ListColumn("redrives", ValueForm.NUMBER, default=False),
    ListColumn("event_id", ValueForm.ID, default=False),
    ListColumn("endpoint_id", ValueForm.ID, default=False),
    ListColumn("workspace_id", ValueForm.ID, default=False),
)
HISTORY: Final = (
    ListColumn("started_at", ValueForm.TIME),
    ListColumn("number", ValueForm.NUMBER),
    ListColumn("trigger"),
    ListColumn("outcome"),
    ListColumn("status", ValueForm.NUMBER),
    ListColumn("reason"),
    ListColumn("error"),
    ListColumn("worker", default=False),
)
_Kind = Annotated[Kind, typer.Option(help="Deliveries, or records that can't be read as events.")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]


@app.command("list")
@choosing
def list_letters(
    chosen: Chosen,
    limit: Annotated[int, typer.Option(min=1, help="Most rows to print.")] = 1_000,
    columns: Annotated[str | None, columns_option(COLUMNS)] = None,
    *,
    as_json: _Json = False,
) -> None:
    """List dead letters, oldest first in each partition.

    Example: plaudit dlq list --reason exhausted --since 2h --status 5xx --json
    """
    settings = reachable_kafka()
    shown: list[dict[str, object]] = []
    with Letters(settings, chosen.kind) as letters:
        for letter in letters.read():
            if not chosen.filter.takes(letter):
                continue
            if len(shown) == limit:
                note(f"there are more than {limit:,}; --limit shows more")
                break
            shown.append(letter.summary())
    if not shown:
        nothing_matches(settings, chosen)
    if not as_json or columns is not None:
        names = endpoint_names()
        for each in shown:
            endpoint = str(each["endpoint_id"] or "")
            each["endpoint"] = names.get(endpoint, endpoint)
    print_list(shown, COLUMNS, columns, as_json=as_json)


@app.command()
@choosing
def stats(chosen: Chosen, *, as_json: _Json = False) -> None:
    """Count dead letters by reason, endpoint, event type, topic and day.

    On a terminal: tables. Elsewhere: field, value and count, separated by tabs.

    Example: plaudit dlq stats --since 24h
    """
    settings, histogram = reachable_kafka(), Histogram()
    with Letters(settings, chosen.kind) as letters:
        for letter in letters.read():
            if chosen.filter.takes(letter):
                histogram.add(letter)
    if as_json:
        print_json({"total": histogram.total, **histogram.counts()})
    elif not histogram.total:
        nothing_matches(settings, chosen)
    elif sys.stdout.isatty():
        typer.echo(f"{counted(histogram.total, 'dead letter')} ({chosen.kind})")
        typer.echo("\n".join(count_lines(histogram.counts())))
    else:
        typer.echo("\n".join(count_rows(histogram.counts())))


@app.command()
def show(
    key: Annotated[
        str,
        typer.Argument(metavar="ID", help="Its id in `plaudit dlq list`, or the first characters."),
    ],
    kind: _Kind = Kind.DELIVERIES,
    *,
    history: Annotated[
        bool,
        typer.Option("--history", help="Also read its attempts from Kafka; may take a while."),
    ] = False,
    as_json: _Json = False,
) -> None:
    """Show a dead letter: its history, its headers, and the event."""
    settings = reachable_kafka()
    key = letter_id_of(settings, kind, key)
    with Letters(settings, kind) as letters:
        letter = letters.find(key)
        if letter is None:
            refuse_missing(letters, kind, key)
    event = _event(settings, letter)
    attempts = attempts_of(settings, letter) if history else None
    if as_json:
        headers = {name: value.decode("utf-8", "replace") for name, value in letter.headers}
        print_json({**letter.summary(), "headers": headers, "event": event, "history": attempts})
        return
    _print(letter, event)
    if attempts is not None:
        _print_history(attempts)


@app.command()
@choosing
def export(
    chosen: Chosen,
    file: Annotated[
        str, typer.Option(metavar="FILE", help="File to write; - is standard output.")
    ] = "-",
) -> None:
    """Write dead letters as JSON lines, complete: input for `plaudit dlq import`.

    Example: plaudit dlq export --reason gone --file gone.jsonl
    """
    written = 0
    with ExitStack() as stack:
        out = sys.stdout if file == "-" else stack.enter_context(new_file(Path(file)))
        letters = stack.enter_context(Letters(reachable_kafka(), chosen.kind))
        for letter in letters.read():
            if chosen.filter.takes(letter):
                out.write(line_of(letter, chosen.kind) + "\n")
                written += 1
    note(f"exported {written:,}")


@app.command("import")
def import_letters(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A file that `plaudit dlq export` wrote.")
    ],
) -> None:
    """Put dead letters from a file back into their topics; idempotent.

    The whole file is read before anything is written. A dead letter whose origin is not a topic of
    events or deliveries with this prefix is skipped; then the exit code is 1.

    Example: plaudit dlq import gone.jsonl
    """
    settings = reachable_kafka()
    names = settings.names
    kinds = Counter(each.kind for each in _read_file(file) if each.belongs_to(names))
    count = kinds.total()
    failures: list[SendFailure] = []

    def heard(outcome: Ack | SendFailure) -> None:
        if isinstance(outcome, SendFailure):
            failures.append(outcome)

    require_write(settings, {kind.topic(names) for kind in kinds})
    record_command("dead_letters.imported", str(file))
    foreign = 0
    with Producer(settings) as producer:
        for each in _read_file(file):
            if each.belongs_to(names):
                _send(producer, each.kind.topic(names), each, heard)
            else:
                foreign += 1
        lost = producer.flush(_FLUSH_S) + len(failures)
    note(f"imported {count - lost:,} of {count:,}")
    if lost:
        why = failures[0].error if failures else "the brokers did not answer"
        fail(f"{lost:,} were not acknowledged; import the file again ({why})")
    if foreign:
        fail(f"left out {foreign:,}: {REMEDIES[Skip.FOREIGN_ORIGIN]}")


app.command("redrive")(redrive_letters)
app.command("purge")(purge_letters)


def _send(producer: Producer, topic: str, kept: StoredLetter, heard: OnAck) -> None:
    while True:
        try:
            producer.send(topic, kept.value, kept.key, kept.headers, on_ack=heard)
        except BufferFull:
            producer.wait_for_progress(1.0)
        else:
            return


def _read_file(file: Path) -> Iterator[StoredLetter]:
    try:
        with file.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield _kept(file, number, line)
    except OSError as error:
        fail(f"{file}: {error.strerror}", Exit.USAGE)


def _kept(file: Path, number: int, line: bytes) -> StoredLetter:
    try:
        return read_line(line)
    except LineRefused as error:
        fail(f"{file}:{number}: {error}; nothing was imported", Exit.USAGE)


def _event(settings: KafkaSettings, letter: Letter) -> str:
    schemas = SchemaLookup(settings)
    schemas.start()
    try:
        schemas.wait_ready(SCHEMAS_S)
        return decoded(letter, BlockingSchemaLookup(schemas))
    finally:
        schemas.close()


def _print(letter: Letter, event: str) -> None:
    console = PlainConsole(soft_wrap=True)
    fields = {
        **letter.summary(),
        "position": f"partition {letter.partition}, offset {letter.offset}",
    }
    reason = letter.text(Header.REASON)
    if reason is not None:
        fields["reason"] = f"{reason}: {explain(reason).line}"
    print_fields(fields)
    typer.echo("\nheaders")
    headers = {}
    for name, value in sorted(letter.headers):
        text = value.decode("utf-8", "replace")
        moment = name.endswith(("-at", "-timestamp", "-before")) and value.isdigit()
        headers[name] = time_text(int(text)) if moment else text
    print_fields(headers)
    typer.echo("")
    if event.startswith("{"):
        console.print_value(event)
    else:
        console.print(event)
        console.print(f"first bytes: {letter.value[:64].hex(' ')}")


def _print_history(attempts: list[dict[str, Any]]) -> None:
    if not attempts:
        note("its attempts are past retention")
        return
    print_list(
        [{**each, "started_at": time_text(each["started_at"])} for each in attempts], HISTORY
    )
