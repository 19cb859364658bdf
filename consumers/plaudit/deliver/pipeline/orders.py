"""Operators' orders: a record that holds its partition is to go to the dead letters.

An order is a mark in the partition (`plaudit.kafka.read.marks`), left by `plaudit records unblock`.
Workers look for marks only while a record holds a partition of theirs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final, Protocol

from plaudit.deliver.offsets.blocked import Blockage
from plaudit.deliver.pipeline.patience import Patience
from plaudit.kafka.errors import KafkaFailure
from plaudit.kafka.read.marks import Marks
from plaudit.logs.logger import event_logger
from plaudit.logs.once_logger import OnceLogger

_log = event_logger(__name__)

LOOK_S: Final = 2.0


class Orderly(Protocol):
    """What orders need of a running lane."""

    @property
    def blocked(self) -> Iterable[Blockage]:
        """Partitions that stand still."""
        ...

    @property
    def patience(self) -> Patience:
        """Is told what was ordered."""
        ...


async def follow_orders(marks: Marks, lanes: Iterable[Orderly]) -> None:
    """Look for orders while records hold partitions, until cancelled."""
    once = OnceLogger(_log)
    while True:
        await asyncio.sleep(LOOK_S)
        stuck = {at.partition for lane in lanes for at in lane.blocked if at.by_record}
        if not stuck:
            continue
        try:
            orders = await asyncio.to_thread(marks.read, stuck)
        except KafkaFailure as failure:
            once.failed("orders.unavailable", failure)
            continue
        for lane in lanes:
            lane.patience.orders = orders
