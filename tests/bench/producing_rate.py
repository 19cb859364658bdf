"""What the ways into Kafka take: the relay of an outbox, and the import of a file.

`python tests/bench/producing_rate.py [ROWS]`, with KAFKA_BOOTSTRAP_SERVERS set and topics applied.
The outbox is in SQLite, or where PLAUDIT_OUTBOX_URL says:
an empty table, made by `plaudit outbox ddl`.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from plaudit.bulk.control import Control
from plaudit.bulk.guard import LagGuard
from plaudit.events.examples import example
from plaudit.importer.fields import map_columns
from plaudit.importer.files import open_file
from plaudit.importer.job import Import, Source
from plaudit.importer.journal import Journal
from plaudit.importer.rejects import Rejects
from plaudit.importer.reviews import Target
from plaudit.kafka.producer import Producer, ProducerConfig
from plaudit.kafka.settings import KafkaSettings
from plaudit.outbox.enqueue import row_of
from plaudit.outbox.events import RecordMaker
from plaudit.outbox.service import RelayService
from plaudit.outbox.settings import OutboxSettings, open_queue
from plaudit.outbox.table import COLUMNS, ddl
from plaudit.publish import Publisher

TYPE = "testimonial.approved"
LINE = 'r{0},"A great product, bought it {0} times.",5,Ada Lovelace,ada@example.com,2024-02-29\n'


@contextmanager
def measured(what: str, rows: int) -> Iterator[None]:
    """Print how long something took, in time and in this process's CPU."""
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    yield
    wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
    result = {
        "what": what,
        "rows": rows,
        "rows_per_s": round(rows / wall_s),
        "rows_per_core_s": round(rows / cpu_s),
        "cpu_us_per_row": round(cpu_s / rows * 1e6, 1),
    }
    sys.stdout.write(json.dumps(result) + "\n")


def outbox_rows(count: int) -> Iterator[tuple[str, str, bytes, str]]:
    """Yield rows as `enqueue` writes them."""
    event = example(TYPE)
    for _ in range(count):
        meta = event.meta.model_copy(update={"event_id": uuid.uuid4()})
        yield row_of(event.model_copy(update={"meta": meta}))


def connected(settings: OutboxSettings) -> Any:
    """Return a connection to the outbox's database."""
    url = settings.url.get_secret_value()
    if settings.dialect == "sqlite":
        return sqlite3.connect(url.removeprefix("sqlite:///"))
    import psycopg  # noqa: PLC0415 - an extra

    return psycopg.connect(url)


def relay(kafka: KafkaSettings, folder: Path, count: int) -> None:
    """Fill an outbox, then measure how it is emptied."""
    settings = OutboxSettings()
    if not settings.url.get_secret_value():
        file = folder / "outbox.db"
        with closing(sqlite3.connect(file)) as connection:
            connection.executescript(ddl("sqlite"))
        settings = OutboxSettings(url=SecretStr(f"sqlite:///{file}"))
    mark = "?" if settings.dialect == "sqlite" else "%s"
    marks = ", ".join([mark] * len(COLUMNS))
    insert = f"INSERT INTO {settings.table} ({', '.join(COLUMNS)}) VALUES ({marks})"  # noqa: S608 - ours
    with closing(connected(settings)) as connection:
        connection.cursor().executemany(insert, list(outbox_rows(count)))
        connection.commit()
    queue = open_queue(settings, RecordMaker(kafka.names, lambda _: None))
    service = RelayService(queue, lambda: Producer(kafka, ProducerConfig()))
    with measured(f"relay from {settings.dialect}", count):
        service.run(until_empty=True)


def imported(kafka: KafkaSettings, folder: Path, count: int) -> None:
    """Measure an import, and the same again, when everything is known."""
    path = folder / "reviews.csv"
    rows = "".join(LINE.format(number) for number in range(count))
    path.write_text(f"id,review,stars,name,email,date\n{rows}")
    file, target = open_file(path), Target(uuid.uuid4(), uuid.uuid4())
    source = Source(file, map_columns(file.columns, {}, {"platform": "g2"}), target)
    for what in ("import of a CSV file", "the same again"):
        with (
            Publisher(kafka) as publisher,
            Journal(folder, target.space_id) as journal,
            Rejects(folder / "bad.csv", "csv", file.columns) as rejects,
            LagGuard(kafka, 0) as guard,
            measured(what, count),
        ):
            Import(source, publisher, journal, rejects, guard, Control()).run()


def main() -> None:
    """Measure both."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    kafka = KafkaSettings()
    with tempfile.TemporaryDirectory() as folder:
        relay(kafka, Path(folder), count)
        imported(kafka, Path(folder), count)


if __name__ == "__main__":
    main()
