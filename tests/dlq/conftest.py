"""Topics, endpoints and dead letters for tests of the reprocessing job."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from conftest import FEW
from dlq.generate import ENDPOINTS, WORKSPACE, letters, write
from endpoint_records import endpoint_value
from plaudit.dlq.letters.letter import Kind, letter_of
from plaudit.dlq.letters.reader import Letters
from plaudit.kafka.admin.topic_specs import Section, declared
from plaudit.kafka.admin.topics import Admin, apply
from plaudit.kafka.read.range import BoundedReader
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.write.producer import Producer
from plaudit.records.names import Header

TWO = {**FEW, Section.EVENTS: 2, Section.DELIVERIES: 2}
"""Partitions of events and deliveries: jobs don't care, and topics are made sooner."""
FOR_LETTERS = {Section.DEAD_LETTERS, Section.SCHEMAS}


def make_topics(settings: KafkaSettings, sections: set[Section] | None = None) -> None:
    """Make the topics of some sections, or all of them."""
    specs = declared(settings, single_node=True, partitions=TWO)
    wanted = [each for each in specs if sections is None or each.section in sections]
    applied = apply(Admin(settings), wanted)
    assert applied.ok, applied.findings


@pytest.fixture
def topics(settings: KafkaSettings) -> KafkaSettings:
    """The topics of dead letters and of schemas; the settings to use them."""
    make_topics(settings, FOR_LETTERS)
    return settings


@pytest.fixture
def installation(settings: KafkaSettings) -> KafkaSettings:
    """All topics, few tiers, and ten active endpoints; the settings to use them."""
    few = settings.model_copy(update={"retry_schedule": "5s"})
    make_topics(few)
    announce(few, *ENDPOINTS)
    return few


def announce(
    settings: KafkaSettings, *endpoints: str, workspace: str = WORKSPACE, **changed: Any
) -> None:
    """Write endpoints to their topic; without a change they are active and want everything."""
    with Producer(settings) as producer:
        for endpoint in endpoints:
            value = endpoint_value(endpoint, workspace, **changed)
            producer.publish(settings.names.endpoints, value, endpoint.encode()).result(30)


def disable(settings: KafkaSettings, endpoint: str, since_ms: int = 1_764_000_000_000) -> None:
    """Write that an endpoint is disabled."""
    announce(
        settings,
        endpoint,
        version=2,
        status="DISABLED",
        status_reason="every attempt failed for 5 days",
        status_since=since_ms,
    )


def seed(settings: KafkaSettings, count: int, endpoints: Sequence[str] = ENDPOINTS) -> None:
    """Write this many dead letters."""
    assert write(settings, letters(count, endpoints)) == count


def sent(settings: KafkaSettings, topic: str | None = None) -> Counter[bytes]:
    """Return how often each delivery stands in a topic, `deliveries.now` by default; committed."""
    with BoundedReader(settings, f"{settings.topic_prefix}test") as reader:
        spans = reader.spans(topic or settings.names.deliveries_now)
        found = [letter_of(message) for message in reader.read(spans)]
    return Counter(letter.raw(Header.DELIVERY_ID) or b"" for letter in found)


def left(settings: KafkaSettings, kind: Kind = Kind.DELIVERIES) -> int:
    """Return how many dead letters there are."""
    with Letters(settings, kind) as found:
        return len(found.alive())
