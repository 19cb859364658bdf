"""De-duplication in the deliveries lane.

After a crash between the write of a retry and the commit of its origin, the same step of a delivery
has two records. Both are in the same partition, a few records apart.
"""

from __future__ import annotations

from collections import deque
from hashlib import blake2b
from typing import Final

from plaudit.deliver.model.delivery import DeliveryHeaders
from plaudit.kafka.read.consumer import Partition

REMEMBERED: Final = 100_000
"""Remembered steps of all partitions together: 16 MB. With ten busy partitions, that is 10,000 for
each. With a bound for each partition, a worker with twelve partitions of every tier would need 600
MiB."""
_DIGEST_BYTES: Final = 15
"""Bytes of a digest: enough that no two steps collide, which would drop a delivery. With its head
of 33 bytes it fills an object of 48; one byte more would take 64."""


class SeenSteps:
    """Latest steps of deliveries, with their offsets; belongs to the event loop.

    Args:
        most: maximum number of steps.
    """

    def __init__(self, most: int = REMEMBERED) -> None:
        self._most = most
        self._offsets: dict[bytes, int] = {}
        self._in_order: deque[bytes] = deque()

    def repeats(
        self, partition: Partition, offset: int, event_id: str, given: DeliveryHeaders
    ) -> bool:
        """Remember a step; return whether an earlier record of the partition had it."""
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
