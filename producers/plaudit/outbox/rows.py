"""Rows of a batch, and the decision about each after the brokers' reports: pure."""

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
        number: position; rows of a key are sent in this order.
        topic: its full name.
        key: key; rows with the same topic and key keep their order.
        value: value; None is a tombstone.
        headers: headers of the record.
        stored_topic: the topic's name in the table; empty if it is the same.
    """

    number: int
    topic: str
    key: bytes
    value: bytes | None
    headers: Headers = field(default_factory=list)
    stored_topic: str = ""


@dataclass(frozen=True, slots=True)
class Unfit:
    """A row that can't be converted into a record.

    Attributes:
        number: position of the row.
        reason: description for people.
    """

    number: int
    reason: str


Outcome = Ack | SendFailure | None
"""Result of a record; None: no report yet, or never sent."""


@dataclass
class Verdict:
    """Decision about the rows of a batch; rows that are in no list stay and are sent again.

    Attributes:
        published: rows that the brokers have.
        refused: rows that can never be published, with the reason.
        kept: number of rows that stay.
        failures: first reason why rows stay, by the topic's name in the table.
        topics: topics that were written to, by the same name.
    """

    published: list[int] = field(default_factory=list)
    refused: list[tuple[int, str]] = field(default_factory=list)
    kept: int = 0
    failures: dict[str, KafkaFailure] = field(default_factory=dict)
    topics: set[str] = field(default_factory=set)

    @property
    def failure(self) -> KafkaFailure | None:
        """First reason why rows stay."""
        return next(iter(self.failures.values()), None)


def judge(rows: Sequence[Row | Unfit], outcomes: Sequence[Outcome]) -> Verdict:
    """Decide about a batch.

    A row that may be published later also holds back later rows of its key. They are sent again
    after it, so that the last record of a key in the topic is its last row. Other rows are not
    affected.
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
