"""Doubled records of the deliveries lane.

A crash between the write of a retry and the commit of its origin leaves two records of the same
step of a delivery; both come to the same partition, a few records apart.
"""

from __future__ import annotations

from collections import deque
from hashlib import blake2b
from typing import Final

from plaudit.deliver.model.delivery import Addressed
from plaudit.kafka.read.consumer import Partition

REMEMBERED: Final = 100_000
"""Records of all partitions together, among which a doubled one is noticed: 20 MB. That is 10,000
of a partition as long as ten are busy; with a bound for each, a worker that has twelve partitions
of every tier would come to 600 MiB in the end."""
_DIGEST_BYTES: Final = 16
"""So many that two steps never have the same: a delivery would be dropped."""


class SeenSteps:
    """The latest steps of deliveries, by the offset that brought each; for the event loop.

    Args:
        most: how many are remembered.
    """

    def __init__(self, most: int = REMEMBERED) -> None:
        self._most = most
        self._offsets: dict[bytes, int] = {}
        self._in_order: deque[bytes] = deque()

    def repeats(self, partition: Partition, offset: int, event_id: str, given: Addressed) -> bool:
        """Take note of a step; True when another record of the partition has brought it already."""
        history = given.history
        step = (
            f"{partition} {event_id} {given.endpoint_id} {history.attempts} {history.diversions} "
            # A replay, or a manual retry, of what was there a moment ago is meant.
            f"{history.redrives} {history.enqueued_at_ms}"
        )
        key = blake2b(step.encode(), digest_size=_DIGEST_BYTES).digest()
        first = self._offsets.get(key)
        if first is not None:
            return first != offset
        self._offsets[key] = offset
        self._in_order.append(key)
        if len(self._in_order) > self._most:
            del self._offsets[self._in_order.popleft()]
        return False
