"""Revocation of partitions: finish the begun deliveries, commit, release.

An attempt that outlasts the grace period is evicted: the worker cancels it and writes the delivery
to a tier. Otherwise the next owner would deliver the whole record again, to each of its endpoints.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from typing import Final

from plaudit.deliver.offsets.assignment import Assignment, Record
from plaudit.deliver.offsets.assignments import Assignments
from plaudit.deliver.offsets.committer import Committer
from plaudit.deliver.offsets.rebalance_log import log_lost
from plaudit.deliver.offsets.record_sink import RecordSink
from plaudit.deliver.offsets.source_config import SourceConfig
from plaudit.kafka.read.consumer import Partition

LOOK_AGAIN_S: Final = 0.005
EVICT_GRACE_S: Final = 1.0
"""Time for the brokers to acknowledge the deliveries of evicted attempts."""


class Revocation:
    """Releases partitions; belongs to the consumer thread.

    Args:
        config: the grace periods.
        engine: the sink of the lane.
        holdings: the thread's partitions.
        commits: commits their offsets.
        take_settled: counts the deliveries settled since the last call.
    """

    def __init__(
        self,
        config: SourceConfig,
        engine: RecordSink,
        holdings: Assignments,
        commits: Committer,
        take_settled: Callable[[], None],
    ) -> None:
        self._config = config
        self._engine = engine
        self._holdings = holdings
        self._commits = commits
        self._take_settled = take_settled

    def revoke(self, partitions: Sequence[Partition]) -> None:
        """Release partitions that move or are closed."""
        leaving = self._holdings.of(partitions)
        # Commit first: during the wait, the group may exclude this member.
        self._take_settled()
        self._commits.commit_now(leaving)
        self.finish(leaving, self._config.revoke_grace_s)
        self._commits.commit_now(leaving)
        self._holdings.drop(partitions)

    def revoke_all(self, partitions: Sequence[Partition]) -> None:
        """Commit everything; most partitions return in the next generation.

        It is unknown which ones move. A record that is partly delivered when its partition moves
        would be delivered again as a whole. So the rest of such a record is diverted, and its
        attempts in flight get a longer grace period before they are evicted. Attempts of other
        records continue: their partitions will probably return, and a repetition costs the endpoint
        as much as a retry.
        """
        leaving = self._holdings.of(partitions)
        config = self._config
        deadline = time.monotonic() + config.hold_grace_s
        self._engine.pause(leaving).wait(config.hold_grace_s)
        self._wait_while(lambda: _is_under_way(leaving), deadline)
        deadline += config.revoke_grace_s - config.hold_grace_s
        self._wait_while(lambda: _is_under_way(leaving) and bool(_in_part(leaving)), deadline)
        self._evict(lambda: _in_part(leaving))
        self._commits.commit_now(leaving)
        self._holdings.keep()

    def lose(self, partitions: Sequence[Partition]) -> None:
        """Drop the partitions, because the session has ended: another worker may have them."""
        under_way = sum(each.under_way for each in self._holdings.of(partitions))
        log_lost(self._config.group.group_id, partitions, under_way)
        self._engine.pause(())
        self._holdings.keep()

    def finish(self, leaving: Sequence[Assignment], grace_s: float) -> None:
        """Begin no further deliveries, and wait for those under way, up to the grace period."""
        deadline = time.monotonic() + grace_s
        self._engine.leave(leaving).wait(grace_s)
        for assignment in leaving:
            assignment.active = False  # also when the event loop is busy
        self._wait_while(lambda: _is_under_way(leaving), deadline)
        self._evict(lambda: _under_way(leaving))

    def _evict(self, hanging: Callable[[], Collection[Record]]) -> None:
        """Cancel the attempts of hanging records, and wait until they are settled."""
        if records := hanging():
            deadline = time.monotonic() + EVICT_GRACE_S
            self._engine.evict(records).wait(EVICT_GRACE_S)
            self._wait_while(lambda: bool(hanging()), deadline)

    def _wait_while(self, is_open: Callable[[], bool], deadline: float) -> None:
        """Wait until the deadline, and commit what is settled until then."""
        self._take_settled()
        while is_open() and time.monotonic() < deadline:
            time.sleep(LOOK_AGAIN_S)
            self._take_settled()
            self._commits.commit_if_due(self._holdings)


def _is_under_way(leaving: Sequence[Assignment]) -> bool:
    return any(each.under_way for each in leaving)


def _under_way(leaving: Sequence[Assignment]) -> Collection[Record]:
    """Return the records of partitions with begun and unsettled deliveries."""
    return [record for each in leaving if each.under_way for record in each.records.values()]


def _in_part(leaving: Sequence[Assignment]) -> Collection[Record]:
    """Return the partly delivered records, which the next owner would repeat."""
    return [record for record in _under_way(leaving) if record.in_part]
