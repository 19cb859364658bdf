"""Rebuild of the log from the topic, after a lost or restored database.

The log identifies known attempts by attempt_id, so a rebuild may run beside recorders, and may be
repeated. It joins no group, disables no endpoints and sends no notices.
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
class Rebuilt:
    """Result of a rebuild.

    Attributes:
        read: number of records read.
        counts: counts of the projector.
        complete: whether it reached the end that the topic had at the start.
    """

    read: int
    counts: ProjectionCounts
    complete: bool


def rebuild(settings: KafkaSettings, engine: Engine, control: Control) -> Rebuilt:
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
                return Rebuilt(done, projector.counts, complete=False)
    projector.project(batch)
    control.listener.moved(len(batch))
    return Rebuilt(done + len(batch), projector.counts, complete=True)
