"""De-duplication in the deliveries lane.

After a crash between the write of a retry and the commit of its origin, two records stand for the
same step of a delivery. Both are in the same partition, a few records apart.
"""

from __future__ import annotations

from collections import deque
from hashlib import blake2b
from typing import Final

from plaudit.deliver.model.delivery import Addressed
from plaudit.kafka.read.consumer import Partition

REMEMBERED: Final = 100_000
"""Remembered records of all partitions together: 20 MB. While ten partitions are busy, that is
10,000 for each. With a bound for each partition, a worker with twelve partitions of every tier
would need 600 MiB."""
_DIGEST_BYTES: Final = 16
"""Long enough that no two steps collide: a delivery would be dropped."""


class SeenSteps:
    """Latest steps of deliveries, with the offset of each; for the event loop.

    Args:
        most: remembered steps.
    """

    def __init__(self, most: int = REMEMBERED) -> None:
        self._most = most
        self._offsets: dict[bytes, int] = {}
        self._in_order: deque[bytes] = deque()

    def repeats(self, partition: Partition, offset: int, event_id: str, given: Addressed) -> bool:
        """Remember a step; return whether another record of the partition had it already."""
        history = given.history
        step = (
            f"{partition} {event_id} {given.endpoint_id} {history.attempts} {history.diversions} "
            # A replay, or a manual retry, of a recent delivery is intended.
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
