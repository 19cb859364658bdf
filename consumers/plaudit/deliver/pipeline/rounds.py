"""Work that takes long, done in slices: one slice for each workspace in turn, with room between.

A wide event takes the event loop as long as thousands of ordinary ones. So it is worked on for a
moment at a time, and the loop serves everything else in between. The events of one workspace are
worked on one after the other; only the first of them is held in decoded form.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Final, Protocol

from plaudit.deliver.offsets.assignment import Record

LOOK_AGAIN_S: Final = 0.005
"""While brokers owe acknowledgements; they come every 10 ms."""


class Job(Protocol):
    """Work on one record, in slices."""

    @property
    def record(self) -> Record:
        """What is worked on."""
        ...

    def step(self) -> bool:
        """Work for one slice of time; return whether the job is finished."""
        ...


class Rounds:
    """Gives each workspace with jobs a slice in turn; belongs to the event loop's thread.

    Args:
        later: calls a function after so many seconds.
        may_go: whether there is room for what a slice writes.
        failed: hears of a record whose job our own code has ended by an error.
    """

    def __init__(
        self,
        later: Callable[[float, Callable[[], None]], object],
        may_go: Callable[[], bool],
        failed: Callable[[Record, Exception], None],
    ) -> None:
        self._later = later
        self._may_go = may_go
        self._failed = failed
        self._turns = self._turns_seen = 0
        self._jobs: dict[str, deque[Job]] = {}
        self._order: deque[str] = deque()

    def __len__(self) -> int:
        return sum(len(jobs) for jobs in self._jobs.values())

    @property
    def records(self) -> Iterator[Record]:
        """What is worked on or waits for it."""
        for jobs in self._jobs.values():
            yield from (job.record for job in jobs)

    def revive(self) -> None:
        """Go on, should a defect have ended the turns; called every few seconds."""
        if self._order and self._turns == self._turns_seen:
            self._later(0, self._turn)
        self._turns_seen = self._turns

    def add(self, workspace_id: str, job: Job) -> None:
        """Begin a job, and leave what does not fit into one slice for later."""
        jobs = self._jobs.get(workspace_id)
        if jobs is not None:
            jobs.append(job)
            return
        if self._may_go() and job.step():
            return
        self._jobs[workspace_id] = deque([job])
        self._order.append(workspace_id)
        if len(self._order) == 1:
            self._later(0, self._turn)

    def _turn(self) -> None:
        """Give the workspace whose turn it is a slice."""
        self._turns += 1
        if not self._order:
            return
        if not self._may_go():
            self._later(LOOK_AGAIN_S, self._turn)
            return
        workspace_id = self._order.popleft()
        jobs = self._jobs[workspace_id]
        if self._finished(jobs[0]):
            jobs.popleft()
        if jobs:
            self._order.append(workspace_id)
        else:
            del self._jobs[workspace_id]
        if self._order:
            self._later(0, self._turn)

    def _finished(self, job: Job) -> bool:
        """Give a job a slice; one that fails by a defect of ours ends, and its record with it."""
        try:
            return job.step()
        except Exception as error:  # noqa: BLE001 - a defect of ours must not hold a partition
            self._failed(job.record, error)
            return True
