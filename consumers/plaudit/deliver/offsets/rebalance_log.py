"""Log events of a rebalance, short for any number of partitions."""

from __future__ import annotations

from collections.abc import Sequence

from plaudit.kafka.types import Partition, in_spans
from plaudit.logs.logger import event_logger

_log = event_logger(__name__)


def log_assigned(group: str, partitions: Sequence[Partition]) -> None:
    """Log which partitions were assigned, if any."""
    if partitions:
        _log.info("partitions.assigned", extra={"group": group, "partitions": in_spans(partitions)})


def log_lost(group: str, partitions: Sequence[Partition], under_way: int) -> None:
    """Log which partitions were lost, with the number of their deliveries under way."""
    lost = {"group": group, "partitions": in_spans(partitions), "under_way": under_way}
    _log.warning("partitions.lost", extra=lost)
