"""The journal holds what the brokers have, and nothing else."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from plaudit.bulk.control import Control
from plaudit.bulk.guard import LagGuard
from plaudit.importer.errors import Interrupted, NotAcknowledged
from plaudit.importer.fields import map_columns
from plaudit.importer.files import open_file
from plaudit.importer.job import Import, Outcome, Source
from plaudit.importer.journal import Journal
from plaudit.importer.rejects import Rejects
from plaudit.importer.reviews import Target
from plaudit.kafka.errors import KafkaUnavailable
from plaudit.kafka.settings import KafkaSettings
from plaudit.publish.testing import RecordingPublisher

TARGET = Target(uuid.uuid4(), uuid.uuid4())
AWAY = KafkaSettings(bootstrap_servers="127.0.0.1:1")


def run(folder: Path, publisher: RecordingPublisher, control: Control | None = None) -> Outcome:
    path = folder / "a.csv"
    path.write_text("id,review\n1,a\n2,b\n3,c\n")
    file = open_file(path)
    source = Source(file, map_columns(file.columns, {}, {}), TARGET)
    with (
        Journal(folder, TARGET.space_id) as journal,
        Rejects(folder / "bad.csv", "csv", file.columns) as rejects,
        LagGuard(AWAY, 0) as guard,
    ):
        return Import(source, publisher, journal, rejects, guard, control or Control()).run()


def journaled(folder: Path) -> set[uuid.UUID]:
    everything = [TARGET.event_id("import", each) for each in "123"]
    with Journal(folder, TARGET.space_id) as journal:
        return journal.known(everything)


def test_what_the_brokers_did_not_take_is_not_in_it_and_goes_out_again(tmp_path: Path) -> None:
    publisher = RecordingPublisher()
    publisher.fail(KafkaUnavailable("publish", "a drill"))
    with pytest.raises(NotAcknowledged, match="a drill"):
        run(tmp_path, publisher)
    there = {event.meta.event_id for event in publisher.events}
    assert journaled(tmp_path) == there
    assert len(there) == 2
    done = run(tmp_path, publisher)
    assert (done.published, done.total and done.total.imported) == (1, 3)
    assert [event.type_name for event in publisher.events] == [
        *["review.imported"] * 3,
        "import.completed",
    ]


def test_the_end_is_told_again_until_the_brokers_have_it(tmp_path: Path) -> None:
    publisher = RecordingPublisher()
    run(tmp_path, publisher)
    (tmp_path / f"{TARGET.space_id}.db").unlink()
    publisher.clear()
    with pytest.raises(NotAcknowledged):
        run(tmp_path, FailingAtTheEnd())
    assert len(journaled(tmp_path)) == 3
    assert run(tmp_path, publisher).published == 0
    assert [event.type_name for event in publisher.events] == ["import.completed"]
    assert run(tmp_path, publisher).repeated


class FailingAtTheEnd(RecordingPublisher):
    """Takes three events, and then none."""

    def flush(self, timeout_s: float | None = None) -> int:
        self.fail(KafkaUnavailable("publish"))
        return super().flush(timeout_s)


def test_it_stops_when_it_is_told(tmp_path: Path) -> None:
    control = Control()
    control.stop("SIGTERM")
    publisher = RecordingPublisher()
    with pytest.raises(Interrupted):
        run(tmp_path, publisher, control)
    assert publisher.events == []
    assert run(tmp_path, publisher).published == 3
