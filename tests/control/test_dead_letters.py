"""Dead letters in memory: they follow the topic, and forget what it has removed."""

from __future__ import annotations

import json

import pytest

from dlq.conftest import make_topics, seed
from dlq.generate import ENDPOINTS, WORKSPACE
from plaudit.bulk.control import Control
from plaudit.control import letter_index
from plaudit.control.dead_letters import DeadLetters, NoSuchLetter
from plaudit.control.letter_index import LetterCache
from plaudit.dlq.job.job import Order, purge
from plaudit.dlq.letters.filters import FilterOptions, LetterFilter, parse
from plaudit.dlq.letters.letter import Kind, Letter
from plaudit.kafka.admin.topic_specs import Section
from plaudit.kafka.read.record_reader import RecordReader
from plaudit.kafka.settings import KafkaSettings
from plaudit.records.names import Header
from plaudit.records.times import wall_ms
from waiting import until

GONE = parse(FilterOptions(reason=["gone"]), 0)


def made(number: int, at_ms: int = 0) -> Letter:
    """Return a letter."""
    headers = [(Header.LAST_ERROR, b"x" * 5_000), ("ce_data", b"not kept")]
    return Letter(str(number).encode(), 0, number, at_ms or number, headers, b"event")


def test_a_shelf_keeps_the_newest_letters_and_only_what_lists_show() -> None:
    cache = LetterCache(most=100)
    for number in range(250):
        cache.put(made(number, at_ms=1_000 + number))
    kept = cache.newest_first()
    assert 100 <= len(kept) <= 110
    assert [each.offset for each in kept[:3]] == [249, 248, 247]
    assert cache.is_cut
    assert (kept[0].value, kept[0].raw("ce_data")) == (b"", None)
    assert len(kept[0].raw(Header.LAST_ERROR) or b"") <= 300
    cache.forget_before({0: 240})
    assert len(cache.newest_first()) == 10


@pytest.mark.broker
def test_letters_are_counted_found_exported_and_leave_with_their_tombstones(
    settings: KafkaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(letter_index, "FRESH_S", 0.0)
    make_topics(settings, {Section.DEAD_LETTERS, Section.SCHEMAS})
    everything, now = LetterFilter(), wall_ms()
    with RecordReader(settings) as reader:
        letters = DeadLetters(settings, reader)
        assert letters.count(Kind.DELIVERIES, everything, now).total == 0
        seed(settings, 50)
        counts = letters.count(Kind.DELIVERIES, everything, now)
        assert (counts.total, counts.complete, counts.expiring) == (50, True, 0)
        assert counts.by["reason"] == {"exhausted": 30, "expired": 10, "gone": 10}
        assert counts.by["endpoint"][ENDPOINTS[0]] == 5
        first = letters.page(Kind.DELIVERIES, everything, None, 30)
        rest = letters.page(Kind.DELIVERIES, everything, first.cursor, 30)
        assert rest.cursor is None
        assert len({each.id for each in (*first.letters, *rest.letters)}) == 50
        wanted = letters.page(Kind.DELIVERIES, GONE, None).letters[0]
        found = letters.find(Kind.DELIVERIES, wanted.id, WORKSPACE)
        assert json.loads(found.event)["type"] == "testimonial.approved"
        assert (found.letter.id, found.letter.text(Header.REASON)) == (wanted.id, "gone")
        with pytest.raises(NoSuchLetter):
            letters.find(Kind.DELIVERIES, wanted.id, "another workspace")
        assert len(list(letters.export(Kind.DELIVERIES, GONE))) == 10
        purge(settings, Order(filter=GONE), None, Control())
        until(lambda: letters.count(Kind.DELIVERIES, everything, now).total == 40)
        with pytest.raises(NoSuchLetter):
            letters.find(Kind.DELIVERIES, wanted.id, WORKSPACE)
        letters.close()
