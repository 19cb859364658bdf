"""The rates of the other ways into Kafka: the relay of an outbox, and the import of a file."""

from __future__ import annotations

import sqlite3
import time
import uuid
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from bench.figures import Finding, Sample, figure
from bench.installation import events
from bench.lab import Lab
from bench.scenarios.throughput import one_endpoint
from bench.trial import Trial
from plaudit.bulk.collector import spared_collector
from plaudit.bulk.control import Control
from plaudit.bulk.guard import LagGuard
from plaudit.importer.files import open_file
from plaudit.importer.job import PATIENCE_S, Import, Way
from plaudit.importer.journal import Journal
from plaudit.importer.mapping import map_columns
from plaudit.importer.names import TargetField
from plaudit.importer.rejects import Rejects
from plaudit.importer.source import Source
from plaudit.kafka.write.producer import Producer, ProducerConfig
from plaudit.outbox import enqueue
from plaudit.outbox.events import RecordMaker
from plaudit.outbox.service import RelayService
from plaudit.outbox.sqlite import SqliteQueue
from plaudit.outbox.table import ddl

CHART: Final = "rows per second, one core"
_HEAD: Final = "id,review,stars,name,email,date\n"
_LINE: Final = '{0},"A great product, bought {0} times.",5,Ada Lovelace,ada@example.com,2024-02-29'


def relay(lab: Lab) -> Finding:
    """Empty an outbox in SQLite; what filled it is not counted."""
    rows: list[Sample] = []
    count = lab.effort.events // 2
    with lab.trial(one_endpoint) as trial, TemporaryDirectory() as folder:
        for number in range(lab.effort.repetitions):
            lab.tell(f"{count:,} rows, {number + 1} of {lab.effort.repetitions}")
            rows.append(_relayed(trial, Path(folder) / f"outbox-{number}.db", count))
    return Finding(
        (
            figure("rate", "outbox in SQLite", "/s", rows, "rate", chart=CHART, bar="relay"),
            figure("cpu_us", "outbox in SQLite: CPU", "µs", rows, "cpu_us"),
        )
    )


def import_file(lab: Lab) -> Finding:
    """Import a CSV file, and the same file again, when every row is known."""
    new: list[Sample] = []
    known: list[Sample] = []
    count = lab.effort.events // 2
    with lab.trial(one_endpoint) as trial, TemporaryDirectory() as folder:
        path = Path(folder) / "reviews.csv"
        path.write_text(_HEAD + "\n".join(_LINE.format(number) for number in range(count)))
        for number in range(lab.effort.repetitions):
            lab.tell(f"{count:,} rows, {number + 1} of {lab.effort.repetitions}")
            target = TargetField(uuid.uuid4(), uuid.uuid4())
            new.append(_imported(trial, path, target, count))
            known.append(_imported(trial, path, target, 0))
    return Finding(
        (
            figure("rate", "import of a CSV file", "/s", new, "rate", chart=CHART, bar="import"),
            figure("cpu_us", "import of a CSV file: CPU", "µs", new, "cpu_us"),
            figure("again.rate", "the same file again", "/s", known, "rate"),
        )
    )


def _relayed(trial: Trial, file: Path, count: int) -> Sample:
    settings = trial.installation.settings
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(ddl("sqlite"))
        for event in events(trial.sites, count):
            enqueue(connection, event)
        connection.commit()
    queue = SqliteQueue(file, RecordMaker(settings.names, lambda _: None))
    service = RelayService(queue, lambda: Producer(settings, ProducerConfig()))
    return _measured(count, lambda: service.run(until_empty=True), lambda: service.tally.published)


def _imported(trial: Trial, path: Path, target: TargetField, published: int) -> Sample:
    settings, file = trial.installation.settings, open_file(path)
    source = Source(file, map_columns(file.columns, {}, {"platform": "bench"}), target)
    with (
        Producer(settings, ProducerConfig(int(PATIENCE_S * 1_000))) as producer,
        Journal(path.parent, target.space_id) as journal,
        Rejects(path.with_suffix(".rejected"), "csv", file.columns) as rejects,
        LagGuard(settings, 0) as guard,
    ):
        way = Way(producer, settings.names)
        job = Import(source, way, journal, rejects, guard, Control())
        rows = source.count()
        return _measured(rows, job.run, lambda: job.outcome.published, published)


def _measured(
    rows: int, work: Callable[[], object], done: Callable[[], int], expected: int | None = None
) -> Sample:
    """Do it as the command does; it counts when as much was published as had to be."""
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    with spared_collector():
        work()
    wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
    wanted = rows if expected is None else expected
    void = () if done() == wanted else (f"{done():,} of {wanted:,} rows are published",)
    return Sample({"rate": rows / wall_s, "cpu_us": cpu_s / rows * 1e6}, void)
