"""Long jobs on a real event loop: other threads of the worker proceed beside them."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import cast

import uvloop

from plaudit.deliver.offsets.assignment import Record
from plaudit.deliver.pipeline.round_robin import RoundRobin

SLICES = 100
SLICE_S = 0.002


class BusyJob:
    """A job that computes in every slice."""

    record = cast("Record", None)

    def __init__(self, done: asyncio.Event) -> None:
        self._done = done
        self._left = SLICES

    def step(self) -> bool:
        until_s = time.perf_counter() + SLICE_S
        while time.perf_counter() < until_s:
            pass
        self._left -= 1
        if not self._left:
            self._done.set()
        return not self._left


def test_a_thread_runs_between_the_slices_of_a_long_job() -> None:
    turns, stopping = 0, threading.Event()

    def wait_often() -> None:
        nonlocal turns
        while not stopping.wait(0.0005):
            turns += 1

    async def run() -> int:
        done, loop = asyncio.Event(), asyncio.get_running_loop()
        rounds = RoundRobin(loop.call_later, lambda: True, lambda *_: None)
        thread = threading.Thread(target=wait_often)
        thread.start()
        rounds.add("workspace", BusyJob(done))
        await done.wait()
        stopping.set()
        thread.join()
        return turns

    assert uvloop.run(run()) > SLICES / 4, "a starved thread has a turn or two"
