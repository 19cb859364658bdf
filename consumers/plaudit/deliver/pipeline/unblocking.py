"""Unblocking: an operator sends a record that blocks its partition to the dead letters.

`plaudit records unblock` leaves a mark for the partition (`plaudit.kafka.read.marks`). A worker
reads marks only while a record blocks one of its partitions.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final, Protocol

from plaudit.deliver.offsets.blocked import Blockage
from plaudit.deliver.pipeline.schema_wait import SchemaWait
from plaudit.kafka.errors import KafkaFailure
from plaudit.kafka.read.marks import Marks
from plaudit.logs.logger import event_logger
from plaudit.logs.once_logger import OnceLogger

_log = event_logger(__name__)

READ_EVERY_S: Final = 2.0


class BlockedLane(Protocol):
    """Lane with partitions that may be blocked."""

    @property
    def blocked(self) -> Iterable[Blockage]:
        """Blocked partitions."""
        ...

    @property
    def schema_wait(self) -> SchemaWait:
        """The schema wait, which receives the offsets to unblock."""
        ...


async def follow_unblock_marks(marks: Marks, lanes: Iterable[BlockedLane]) -> None:
    """Read marks while records block partitions, until cancelled."""
    once = OnceLogger(_log)
    while True:
        await asyncio.sleep(READ_EVERY_S)
        stuck = {at.partition for lane in lanes for at in lane.blocked if at.by_record}
        if not stuck:
            continue
        try:
            unblocked = await asyncio.to_thread(marks.read, stuck)
        except KafkaFailure as failure:
            once.failed("orders.unavailable", failure)
            continue
        for lane in lanes:
            lane.schema_wait.unblocked = unblocked
