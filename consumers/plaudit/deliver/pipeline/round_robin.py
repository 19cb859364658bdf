"""Round robin: long jobs in slices of time, one slice for each workspace in turn.

A wide event takes as much time as thousands of ordinary events. So it runs in slices, and the event
loop runs everything else between them. The events of one workspace run one after the other, and
only the first of them is decoded.

Between slices the loop releases the interpreter lock for microseconds and takes it again before a
waiting thread wakes up. A look-up of a name then took 1 s. So each slice ends with a short sleep,
in which a waiting thread gets the lock.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Final, Protocol

from plaudit.deliver.offsets.assignment import Record

RETRY_S: Final = 0.005
"""Interval between slices while acknowledgements are due; the worker takes them every 10 ms."""
YIELD_S: Final = 0.00001
"""Sleep after a slice; the kernel makes 60 µs of it, 3 % of a slice."""


class Job(Protocol):
    """Job of one record, in slices."""

    @property
    def record(self) -> Record:
        """The record."""
        ...

    def step(self) -> bool:
        """Run one slice; return whether the job is finished."""
        ...


class RoundRobin:
    """Runs the jobs of each workspace in turn; belongs to the event loop's thread.

    Args:
        later: calls a function after a number of seconds.
        has_room: returns whether there is room for the writes of a slice.
        failed: receives a record and the exception that ended its job.
    """

    def __init__(
        self,
        later: Callable[[float, Callable[[], None]], object],
        has_room: Callable[[], bool],
        failed: Callable[[Record, Exception], None],
    ) -> None:
        self._later = later
        self._has_room = has_room
        self._failed = failed
        self._slices = self._slices_seen = 0
        self._jobs: dict[str, deque[Job]] = {}
        self._order: deque[str] = deque()

    def __len__(self) -> int:
        return sum(len(jobs) for jobs in self._jobs.values())

    @property
    def records(self) -> Iterator[Record]:
        """Records of all jobs."""
        for jobs in self._jobs.values():
            yield from (job.record for job in jobs)

    def restart(self) -> None:
        """Schedule the next slice if a defect has lost it; called every few seconds."""
        if self._order and self._slices == self._slices_seen:
            self._later(0, self._run_slice)
        self._slices_seen = self._slices

    def add(self, workspace_id: str, job: Job) -> None:
        """Run the first slice of a job, and queue the rest."""
        jobs = self._jobs.get(workspace_id)
        if jobs is not None:
            jobs.append(job)
            return
        if self._has_room() and job.step():
            return
        self._jobs[workspace_id] = deque([job])
        self._order.append(workspace_id)
        if len(self._order) == 1:
            self._later(0, self._run_slice)

    def _run_slice(self) -> None:
        """Run a slice for the next workspace."""
        self._slices += 1
        if not self._order:
            return
        if not self._has_room():
            self._later(RETRY_S, self._run_slice)
            return
        workspace_id = self._order.popleft()
        jobs = self._jobs[workspace_id]
        if self._finished(jobs[0]):
            jobs.popleft()
        time.sleep(YIELD_S)
        if jobs:
            self._order.append(workspace_id)
        else:
            del self._jobs[workspace_id]
        if self._order:
            self._later(0, self._run_slice)

    def _finished(self, job: Job) -> bool:
        """Run a slice of a job; return whether it has ended, for an exception as well."""
        try:
            return job.step()
        except Exception as error:  # noqa: BLE001 - a defect of ours must not hold a partition
            self._failed(job.record, error)
            return True
