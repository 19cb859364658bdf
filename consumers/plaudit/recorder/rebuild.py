"""The log from the topic again, after a lost or restored database; nothing else is changed.

What the log has already is known by its attempt_id, so a rebuild may run beside recorders, and
again after it was stopped. No group is joined, nobody is disabled, nobody is told.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.engine import Engine

from plaudit.bulk.control import Control
from plaudit.kafka.read.range import BoundedReader
from plaudit.kafka.settings import KafkaSettings
from plaudit.recorder.projector import Counts, Projector
from plaudit.recorder.recorder import MOST, read_of


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild came to.

    Attributes:
        read: records of the topic.
        counts: what became of them.
        complete: whether it read to the end that the topic had when it began.
    """

    read: int
    counts: Counts
    complete: bool


def rebuild(settings: KafkaSettings, engine: Engine, control: Control) -> Rebuilt:
    """Write every attempt that the topic still has to the log, up to its end of now.

    Raises:
        KafkaFailure: the brokers are away or refuse.
        DatabaseFailure: what was written before stays; run it again.
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
