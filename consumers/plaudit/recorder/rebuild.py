"""Rebuild of the log from the topic, after a database was lost or restored.

The log recognizes known attempts by `attempt_id`, so a rebuild may run next to recorders, and may
be repeated. It joins no group, disables no endpoints and sends no notices.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.engine import Engine

from plaudit.bulk.control import Control
from plaudit.kafka.read.range import BoundedReader
from plaudit.kafka.settings import KafkaSettings
from plaudit.recorder.projector import ProjectionCounts, Projector
from plaudit.recorder.recorder import MOST, read_of


@dataclass(frozen=True, slots=True)
class RebuildResult:
    """Result of a rebuild.

    Attributes:
        read: number of records read.
        counts: counts of the projector.
        complete: whether it reached the end of the topic as of its start.
    """

    read: int
    counts: ProjectionCounts
    complete: bool


def rebuild(settings: KafkaSettings, engine: Engine, control: Control) -> RebuildResult:
    """Write every attempt of the topic to the log, up to the current end.

    Raises:
        KafkaFailure: the brokers are unavailable or refuse.
        DatabaseFailure: earlier batches are written; run it again.
    """
    projector = Projector(engine, None)
    done = 0
    batch = []
    with BoundedReader(settings, f"{settings.names.prefix}recorder.rebuild") as reader:
        spans = reader.spans(settings.names.attempts)
        control.listener.began(sum(end - start for start, end in spans.values()))
        for message in reader.read(spans):
            batch.append(read_of(message))
            if len(batch) < MOST:
                continue
            projector.project(batch)
            done += len(batch)
            control.listener.moved(len(batch))
            batch = []
            if control.stopping:
                return RebuildResult(done, projector.counts, complete=False)
    projector.project(batch)
    control.listener.moved(len(batch))
    return RebuildResult(done + len(batch), projector.counts, complete=True)
