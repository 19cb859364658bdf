"""Asking the brokers for their time before anything is decided by it.

A write that is acknowledged tells it. Until the worker had written something, it would have to
believe its own clock: with one that is behind, nothing would be due; with one that is ahead,
retries would come early, and deliveries would expire untried. So the first thing that it writes is
a record that means nothing: a tombstone, in a topic of dead letters, of a key that no letter has.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Final

from plaudit.kafka.broker_clock import BrokerClock
from plaudit.kafka.errors import KafkaFailure
from plaudit.kafka.write.acks import Ack, SendFailure
from plaudit.kafka.write.producer import Producer

_log = logging.getLogger(__name__)

KEY: Final = b"clock"
PATIENCE_S: Final = 5.0
"""Without an answer for so long, the worker starts by its own clock: brokers may refuse this write
and take others."""


async def learn_time(producer: Producer, topic: str, clock: BrokerClock) -> None:
    """Take the brokers' time from one write; return when it is known, or can't be had soon.

    Args:
        producer: is served by others meanwhile.
        topic: a compacted one.
        clock: hears of the time.
    """
    answered = asyncio.Event()

    def on_ack(outcome: Ack | SendFailure) -> None:
        if isinstance(outcome, Ack):
            clock.observe(outcome.timestamp_ms)
            clock.tell()
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
