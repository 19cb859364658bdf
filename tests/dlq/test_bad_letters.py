"""One letter that can't be judged or sent again never holds up the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import pytest

from plaudit.bulk.control import Control
from plaudit.dlq.job.actions import RedriveEvents
from plaudit.dlq.job.batch_writer import LetterBatchWriter
from plaudit.dlq.job.job import Order, choose
from plaudit.dlq.job.report import Report
from plaudit.dlq.job.rules import LetterWrite, RedriveOptions, Skip
from plaudit.dlq.job.throttle import JobLimits, Throttle
from plaudit.dlq.letters.letter import Kind, Letter
from plaudit.dlq.letters.readable import UNKNOWN, SchemaCheck
from plaudit.events.decoding import EventDecoder
from plaudit.events.encoding import encode
from plaudit.events.examples import example
from plaudit.kafka.schemas.late_decoder import LateDecoder
from plaudit.kafka.settings import KafkaSettings
from plaudit.records.names import Header, Names

NAMES = Names("plaudit.")
COUNT = 10
BAD = 4


def letter(number: int, value: bytes = b"v", reason: bytes = b"corrupt") -> Letter:
    origin = NAMES.event_topics[0]
    headers = [(str(Header.REASON), reason), (str(Header.ORIGIN_TOPIC), origin.encode())]
    return Letter(b"%s:0:%d" % (origin.encode(), number), 0, number, 0, headers, value)


class Letters:
    """The letters of a topic."""

    def read(self) -> Iterator[Letter]:
        yield from (letter(number) for number in range(COUNT))


class Producer:
    """Takes what is written."""

    def __init__(self) -> None:
        self.written: list[LetterWrite] = []

    @contextmanager
    def transaction(self) -> Iterator[Producer]:
        yield self

    def send(self, *write: Any) -> None:
        self.written.append(LetterWrite(*write))


class Redrive(RedriveEvents):
    """Sends all letters again but one, of which something is odd.

    Args:
        fails: the method that raises for it.
    """

    def __init__(self, fails: str) -> None:
        super().__init__(NAMES, RedriveOptions(), cast("SchemaCheck", Known()))
        self._fails = fails

    def skip(self, letter: Letter) -> Skip | None:
        self._look(letter, "skip")
        return super().skip(letter)

    def write(self, letter: Letter) -> LetterWrite:
        self._look(letter, "write")
        return super().write(letter)

    def before(self, letters: Sequence[Letter]) -> None:
        assert BAD not in {each.offset for each in letters}

    def _look(self, letter: Letter, method: str) -> None:
        if method == self._fails and letter.offset == BAD:
            raise OverflowError("forged")


class Known:
    """No schema is unknown."""

    def is_unknown(self, letter: Letter) -> bool:
        del letter
        return False


@pytest.mark.parametrize("fails", ["skip", "write"])
def test_the_other_letters_are_sent(fails: str) -> None:
    action, producer = Redrive(fails), Producer()
    order, control = Order(Kind.EVENTS, limits=JobLimits(lag_cap=0)), Control()
    report = Report("redrive", "events", 0)
    choose(cast("Any", Letters()), order, action, control, report)
    assert report.chosen == COUNT - (fails == "skip")
    report.skipped.clear()
    mover = LetterBatchWriter(
        cast("Any", producer), "dlq", action, Throttle(order.limits), control, report
    )
    mover.run(Letters().read())
    assert report.moved == COUNT - 1
    assert report.skipped == {Skip.UNUSABLE: 1}
    assert len(producer.written) == 2 * (COUNT - 1), "each with its tombstone"
    assert "1 stay (unusable)" in report.lines()[0]


EVENT = encode(example("testimonial.approved"))


class Shipped(LateDecoder):
    """Knows the schemas of this release, without Kafka."""

    def get(self) -> EventDecoder:
        return EventDecoder()


@pytest.mark.parametrize(
    ("value", "reason", "skip_reason"),
    [
        (b"\xc3\x01unheard!more", UNKNOWN, True),
        (b"\x00\x00\x00\x00\x00more", UNKNOWN, True),
        (b"\xc3\x01unheard!more", b"corrupt", False),
        (EVENT, UNKNOWN, False),
        (EVENT[:-1], UNKNOWN, False),
    ],
)
def test_a_letter_stays_while_its_schema_is_unknown(
    value: bytes, reason: bytes, *, skip_reason: bool
) -> None:
    action = RedriveEvents(NAMES, RedriveOptions(), SchemaCheck(Shipped(KafkaSettings())))
    found = action.skip(letter(0, value, reason))
    assert found == (Skip.SCHEMA_UNKNOWN if skip_reason else None)


def test_a_letter_whose_headers_can_not_be_read_stays() -> None:
    action = RedriveEvents(NAMES, RedriveOptions(), SchemaCheck(Shipped(KafkaSettings())))
    unreadable = Letter(b"plaudit.testimonials:0:1", 0, 1, 0, [], b"v", readable=False)
    assert action.skip(unreadable) is Skip.UNUSABLE
