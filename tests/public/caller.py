"""A service that uses every public module; type checkers read it as a caller's code."""

from __future__ import annotations

import sqlite3
from concurrent.futures import Future

from plaudit.events.models import (
    ContentKind,
    EventMeta,
    TestimonialTagsChanged,
)
from plaudit.outbox import OutsideTransaction, enqueue
from plaudit.publish import Ack, AsyncPublisher, KafkaUnavailable, Publisher, PublishRefused
from plaudit.publish.testing import RecordingPublisher


def tagged(event: TestimonialTagsChanged, publisher: Publisher) -> Ack | None:
    """Publish an event and wait for the brokers."""
    try:
        sent: Future[Ack] = publisher.publish(event)
        ack = sent.result(timeout=30)
    except (KafkaUnavailable, PublishRefused):
        return None
    where: tuple[str, int, int] = ack.topic, ack.partition, ack.offset
    return ack if where[2] >= 0 else None


async def tagged_later(event: TestimonialTagsChanged, publisher: AsyncPublisher) -> int:
    """Publish an event from asyncio."""
    ack: Ack = await publisher.publish(event)
    return ack.offset


def in_a_transaction(connection: sqlite3.Connection, event: TestimonialTagsChanged) -> bool:
    """Write an event beside the data."""
    try:
        enqueue(connection, event, source="/services/moderation")
    except OutsideTransaction:
        return False
    return True


def names(publisher: RecordingPublisher) -> list[str]:
    """Return what a test published."""
    publisher.fail(KafkaUnavailable("publish"))
    found = [event.type_name for event in publisher.events]
    publisher.clear()
    return found


def kinds(meta: EventMeta) -> tuple[str, list[ContentKind]]:
    """Return an event's id, and every kind of content."""
    return str(meta.event_id), list(ContentKind)
