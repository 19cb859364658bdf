"""Brokers that acknowledge or refuse a record when a test says so."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from plaudit.kafka.errors import NotAuthorized, RecordRefused, RecordTooLarge
from plaudit.kafka.write.producer import Ack, SendFailure

OnAck = Callable[[Ack | SendFailure], None]


class Sent(NamedTuple):
    """A record that was handed over and not answered yet."""

    topic: str
    value: bytes
    key: bytes
    headers: dict[str, bytes]
    on_ack: OnAck


class Brokers:
    """Stands in for a producer.

    Attributes:
        waiting: what was handed over and not answered yet, the oldest first.
    """

    def __init__(self) -> None:
        self.waiting: deque[Sent] = deque()

    def send(
        self,
        topic: str,
        value: bytes,
        key: bytes,
        headers: list[tuple[str, bytes]] | None,
        *,
        on_ack: OnAck,
    ) -> None:
        self.waiting.append(Sent(topic, value, key, dict(headers or ()), on_ack))

    def unacknowledged(self) -> int:
        return len(self.waiting)

    def acknowledge(self) -> Sent:
        """Acknowledge the oldest."""
        sent = self.waiting.popleft()
        sent.on_ack(Ack(sent.topic, 0, 0, int(time.time() * 1_000)))
        return sent

    def refuse(self, *, retriable: bool = True) -> Sent:
        """Refuse the oldest, for now or for good."""
        sent = self.waiting.popleft()
        error = (
            NotAuthorized("publish", "denied", "TOPIC_AUTHORIZATION_FAILED")
            if retriable
            else RecordRefused("publish", "not so", "INVALID_RECORD")
        )
        sent.on_ack(SendFailure(error, retriable=retriable))
        return sent

    def find_too_large(self, *sent: Sent) -> None:
        """Refuse some, as brokers refuse a batch that is too large."""
        for each in sent:
            self.waiting.remove(each)
            error = RecordTooLarge("publish", "too large", "MSG_SIZE_TOO_LARGE")
            each.on_ack(SendFailure(error, retriable=False))
