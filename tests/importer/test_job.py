"""The journal holds what the brokers have, and nothing else."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from plaudit.bulk.control import Control
from plaudit.bulk.guard import LagGuard
from plaudit.events.decoding import Event, EventDecoder
from plaudit.importer.errors import FileChanged, ImportRefused, Interrupted, NotAcknowledged
from plaudit.importer.files import open_file
from plaudit.importer.job import Import, Way
from plaudit.importer.journal import Journal
from plaudit.importer.mapping import map_columns
from plaudit.importer.names import TargetField
from plaudit.importer.outcome import Outcome
from plaudit.importer.rejects import Rejects
from plaudit.importer.source import Source
from plaudit.kafka.errors import BufferFull, KafkaUnavailable
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.write.producer import Ack, Headers, SendFailure

DECODER = EventDecoder()

TARGET = TargetField(uuid.uuid4(), uuid.uuid4())
AWAY = KafkaSettings(bootstrap_servers="127.0.0.1:1")


class Brokers:
    """Takes a given number of records, and gives up the others."""

    def __init__(self, most: int = 1_000) -> None:
        self.most = most
        self.full = 0
        self.taken: list[Event] = []

    def send(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None = None,
        headers: Headers | None = None,
        *,
        on_ack: Callable[[Ack | SendFailure], None],
    ) -> None:
        del key, headers
        if self.full:
            raise BufferFull("publish")
        if len(self.taken) == self.most:
            on_ack(SendFailure(KafkaUnavailable("publish", "a drill"), retriable=True))
            return
        self.taken.append(DECODER.decode(value or b""))
        on_ack(Ack(topic, 0, len(self.taken), 0))

    def wait_for_progress(self, timeout_s: float) -> bool:
        assert timeout_s > 0
        self.full -= 1
        return True

    def flush(self, timeout_s: float) -> int:
        assert timeout_s > 0
        return 0

    @property
    def ids(self) -> set[bytes]:
        return {uuid.UUID(event.event_id).bytes for event in self.taken}

    @property
    def types(self) -> list[str]:
        return [event.type for event in self.taken]


def run(
    folder: Path,
    brokers: Brokers,
    control: Control | None = None,
    *,
    rows: str = "1,a\n2,b\n3,c\n",
    values: Mapping[str, str] | None = None,
) -> Outcome:
    path = folder / "a.csv"
    path.write_text(f"id,review\n{rows}")
    file = open_file(path)
    source = Source(file, map_columns(file.columns, {}, values or {}), TARGET)
    way = Way(brokers, AWAY.names)
    with (
        Journal(folder, TARGET.space_id) as journal,
        Rejects(folder / "bad.csv", "csv", file.columns) as rejects,
        LagGuard(AWAY, 0) as guard,
    ):
        return Import(source, way, journal, rejects, guard, control or Control()).run()


def journaled(folder: Path) -> set[bytes]:
    everything = [TARGET.name("import", each).event_id for each in "123"]
    with Journal(folder, TARGET.space_id) as journal:
        return {*journal.known(everything)}


def test_unacknowledged_events_are_not_in_it_and_are_published_again(tmp_path: Path) -> None:
    brokers = Brokers(most=2)
    with pytest.raises(NotAcknowledged, match="a drill"):
        run(tmp_path, brokers)
    assert journaled(tmp_path) == brokers.ids
    assert len(brokers.ids) == 2
    brokers.most = 1_000
    done = run(tmp_path, brokers)
    assert (done.published, done.total and done.total.imported) == (1, 3)
    assert brokers.types == [*["review.imported"] * 3, "import.completed"]


def test_the_last_event_is_published_again_until_the_brokers_have_it(tmp_path: Path) -> None:
    with pytest.raises(NotAcknowledged):
        run(tmp_path, Brokers(most=3))
    assert len(journaled(tmp_path)) == 3
    brokers = Brokers()
    assert run(tmp_path, brokers).published == 0
    assert brokers.types == ["import.completed"]
    assert run(tmp_path, brokers).repeated
    assert len(journaled(tmp_path)) == 3


def test_the_numbers_add_up_to_the_rows_in_the_report_and_in_the_event(tmp_path: Path) -> None:
    rows = '1,a\n2,b\n1,a\n,x\n2,b\n4\n5,"open\n6,c\n'
    brokers = Brokers(most=1)
    with pytest.raises(NotAcknowledged):
        run(tmp_path, brokers, rows=rows)
    brokers.most = 1_000
    outcome = run(tmp_path, brokers, rows=rows)
    assert (outcome.rows, outcome.published, outcome.already) == (8, 2, 1)
    assert (outcome.duplicates, outcome.left_out, outcome.failed) == (2, 0, 3)
    end = brokers.taken[-1].data
    assert (end["imported"], end["skipped"], end["failed"]) == (3, 2, 3)
    assert (tmp_path / "bad.csv").read_text().count("\n") == 1 + outcome.failed


def test_a_file_without_rows_is_not_a_success(tmp_path: Path) -> None:
    brokers = Brokers()
    with pytest.raises(ImportRefused, match=r"a\.csv: it has no rows"):
        run(tmp_path, brokers, rows="\n")
    assert brokers.taken == []


def test_with_another_mapping_it_is_another_import(tmp_path: Path) -> None:
    first = run(tmp_path, Brokers())
    brokers = Brokers()
    second = run(tmp_path, brokers, values={"platform": "g2"})
    assert first.import_id != second.import_id
    assert (second.published, brokers.types[-1]) == (3, "import.completed")


def test_a_full_buffer_is_awaited(tmp_path: Path) -> None:
    brokers = Brokers()
    brokers.full = 5
    assert run(tmp_path, brokers).published == 3


def test_a_file_that_changes_meanwhile_is_not_recorded_as_imported(tmp_path: Path) -> None:
    class Changing(Brokers):
        def send(self, *given: Any, **named: Any) -> None:
            super().send(*given, **named)
            with (tmp_path / "a.csv").open("a") as file:
                file.write("4,d\n")

    brokers = Changing()
    with pytest.raises(FileChanged, match=r"a\.csv was changed while it was read"):
        run(tmp_path, brokers)
    assert "import.completed" not in brokers.types
    assert journaled(tmp_path) <= brokers.ids


def test_it_stops_on_request(tmp_path: Path) -> None:
    control = Control()
    control.stop("SIGTERM")
    brokers = Brokers()
    with pytest.raises(Interrupted):
        run(tmp_path, brokers, control)
    assert brokers.taken == []
    assert run(tmp_path, brokers).published == 3
