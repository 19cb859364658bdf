"""What waits for Kafka, and what to do with it once the brokers have spoken: pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import assert_never

from plaudit.kafka.errors import KafkaFailure
from plaudit.kafka.write.producer import Ack, Headers, SendFailure


@dataclass(frozen=True, slots=True)
class Row:
    """A row that can be sent.

    Attributes:
        number: the rows of a key are sent in the order of their numbers.
        topic: its full name.
        key: rows of one topic and key keep their order.
        value: None is a tombstone.
        headers: as the record shall have them.
        stored_topic: what the table calls the topic; empty: the same.
    """

    number: int
    topic: str
    key: bytes
    value: bytes | None
    headers: Headers = field(default_factory=list)
    stored_topic: str = ""


@dataclass(frozen=True, slots=True)
class Unfit:
    """A row that no record can be made of.

    Attributes:
        number: of the row.
        reason: what is wrong with it, for people.
    """

    number: int
    reason: str


Outcome = Ack | SendFailure | None
"""Of a record; None: not answered yet, or never sent."""


@dataclass
class Verdict:
    """What becomes of the rows of a batch; rows that are in no list stay and are sent again.

    Attributes:
        published: the brokers have them.
        refused: can never be published, with the reason.
        kept: how many stay.
        failures: by topic as the table calls it, why the first of those that stay was not
            published.
        topics: those that were written to, by the same name.
    """

    published: list[int] = field(default_factory=list)
    refused: list[tuple[int, str]] = field(default_factory=list)
    kept: int = 0
    failures: dict[str, KafkaFailure] = field(default_factory=dict)
    topics: set[str] = field(default_factory=set)

    @property
    def failure(self) -> KafkaFailure | None:
        """Why the first of those that stay was not published."""
        return next(iter(self.failures.values()), None)


def judge(rows: Sequence[Row | Unfit], outcomes: Sequence[Outcome]) -> Verdict:
    """Decide over a batch.

    A row that was not published and may be later keeps those of its key that follow: they are sent
    again after it, so that the last word of a key in the topic is its last row. Everything else
    goes on.
    """
    verdict = Verdict()
    held: set[tuple[str, bytes]] = set()
    for row, outcome in zip(rows, outcomes, strict=True):
        if isinstance(row, Unfit):
            verdict.refused.append((row.number, row.reason))
            continue
        lane = (row.topic, row.key)
        match outcome:
            case SendFailure(error=error, retriable=False):
                verdict.refused.append((row.number, str(error)))
            case Ack() if lane not in held:
                verdict.published.append(row.number)
                verdict.topics.add(row.stored_topic or row.topic)
            case Ack() | None | SendFailure():
                held.add(lane)
                verdict.kept += 1
                if isinstance(outcome, SendFailure):
                    verdict.failures.setdefault(row.stored_topic or row.topic, outcome.error)
            case _:
                assert_never(outcome)
    return verdict
