"""Clock probe: learns the brokers' time before any decision depends on it.

An acknowledged write reveals the time. Without it, a worker would rely on its own clock: with a
slow clock, nothing would be due; with a fast one, retries would come early, and deliveries would
expire untried. So the worker first writes a probe: a tombstone in a dead-letter topic, with a key
that no letter has.
"""

from __future__ import annotations

import asyncio
import time
from typing import Final

from plaudit.kafka.broker_clock import BrokerClock
from plaudit.kafka.errors import KafkaFailure
from plaudit.kafka.write.acks import Ack, SendFailure
from plaudit.kafka.write.producer import Producer
from plaudit.logs.logger import event_logger

_log = event_logger(__name__)

KEY: Final = b"clock"
PATIENCE_S: Final = 5.0
"""If no answer comes within this time, the worker starts with its own clock: brokers may refuse
this write and accept others."""


async def learn_time(producer: Producer, topic: str, clock: BrokerClock) -> None:
    """Learn the brokers' time from one write; return when it is known, or after a time-out.

    Args:
        producer: producer that another thread serves.
        topic: a compacted topic.
        clock: receives the time.
    """
    answered = asyncio.Event()

    def on_ack(outcome: Ack | SendFailure) -> None:
        if isinstance(outcome, Ack):
            clock.observe(outcome.timestamp_ms)
            clock.log_skew()
        else:
            _log.warning("clock.unknown", extra={"error": str(outcome.error)})
        answered.set()

    began_s = time.monotonic()
    try:
        producer.send(topic, None, KEY, partition=0, on_ack=on_ack)
        await asyncio.wait_for(answered.wait(), PATIENCE_S)
    except TimeoutError:
        waited_s = round(time.monotonic() - began_s, 1)
        _log.warning("clock.unknown", extra={"error": f"no answer in {waited_s} s"})
    except KafkaFailure as failure:
        _log.warning("clock.unknown", extra={"error": str(failure)})
