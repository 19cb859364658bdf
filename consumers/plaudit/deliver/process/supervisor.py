"""Supervisor of `plaudit deliver --workers N`: keeps worker processes running.

The supervisor restarts a worker that ends by itself: at once, then after a pause that doubles up to
half a minute, with jitter. It logs each restart and never stops trying. Only a usage error ends it,
because the next worker would fail in the same way.
"""

from __future__ import annotations

import asyncio
import random
import socket
import time
from asyncio.subprocess import Process
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from plaudit.logs.logger import event_logger

_log = event_logger(__name__)

USAGE: Final = 2
FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 30.0
STEADY_S: Final = 60.0
"""A worker that ran for longer starts a new row of failures."""
ORDERLY_S: Final = 28.0
"""Grace period of workers, which need at most 25 s to finish; then the supervisor kills them."""
_PORT_BYTES: Final = 16


def pause_s(failures: int, jitter: float) -> float:
    """Return the pause before a worker is restarted.

    Args:
        failures: early ends in a row.
        jitter: 0 to 1, so that workers that ended together do not restart together.
    """
    longest_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(failures, 16))
    return longest_s * (0.5 + jitter / 2)


@dataclass(slots=True)
class WorkerProcess:
    """One worker, over all its restarts.

    Attributes:
        number: number of the worker, from 0.
        process: the current process; None between two.
        port: port of its health server; None until it is known.
        restarts: number of restarts.
    """

    number: int
    process: Process | None = None
    port: int | None = None
    restarts: int = 0
    _failures: int = field(default=0, repr=False)

    def ended_after(self, seconds: float) -> float:
        """Count an end; return the pause before the next start."""
        self._failures = 0 if seconds > STEADY_S else self._failures + 1
        self.restarts += 1
        return pause_s(self._failures, random.random())  # noqa: S311 - spreads restarts, no secret


class Supervisor:
    """Runs worker processes; created and run in the event loop.

    Args:
        command: command of a worker; `--lifeline` and its descriptor are added.
        count: number of workers.
    """

    def __init__(self, command: Sequence[str], count: int) -> None:
        self._command = list(command)
        self._stop = asyncio.Event()
        self._failed = False
        self._usage = False
        self.workers = [WorkerProcess(number) for number in range(count)]

    def stop(self) -> None:
        """Stop the workers; kill them at the second call."""
        if self._stop.is_set():
            self._failed = True
            for worker in self._running:
                worker.kill()
        self._stop.set()

    async def run(self) -> int:
        """Keep the workers running until `stop`; return the exit code."""
        keeping = [asyncio.create_task(self._keep(each)) for each in self.workers]
        await self._stop.wait()
        for process in self._running:
            process.terminate()
        _, late = await asyncio.wait(keeping, timeout=ORDERLY_S)
        for process in self._running if late else ():
            _log.error("worker.killed", extra={"pid": process.pid})
            self._failed = True
            process.kill()
        await asyncio.gather(*keeping)
        return USAGE if self._usage else int(self._failed)

    @property
    def _running(self) -> list[Process]:
        processes = (each.process for each in self.workers)
        return [each for each in processes if each is not None and each.returncode is None]

    async def _keep(self, worker: WorkerProcess) -> None:
        while not self._stop.is_set():
            began_s = time.monotonic()
            code = await self._run_once(worker)
            if self._stop.is_set():
                self._failed = self._failed or code != 0
                return
            if code == USAGE:
                # The worker has printed the reason; the others would print the same.
                self._usage = True
                self._stop.set()
                return
            wait_s = worker.ended_after(time.monotonic() - began_s)
            _log.error(
                "worker.ended",
                extra={"number": worker.number, "code": code, "again_in_s": round(wait_s, 1)},
            )
            await self._pause(wait_s)

    async def _run_once(self, worker: WorkerProcess) -> int:
        """Start a worker and wait for its end; return its exit code."""
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                worker.process = await asyncio.create_subprocess_exec(
                    *self._command,
                    "--lifeline",
                    str(theirs.fileno()),
                    pass_fds=(theirs.fileno(),),
                    # Ctrl-C reaches the supervisor only, which stops the workers.
                    start_new_session=True,
                )
            if self._stop.is_set():
                worker.process.terminate()
            reading = asyncio.create_task(self._read_port(worker, ours))
            code = await worker.process.wait()
            reading.cancel()
        worker.port = None
        return code

    async def _read_port(self, worker: WorkerProcess, line: socket.socket) -> None:
        """Read the port of the worker's health server."""
        line.setblocking(False)  # noqa: FBT003 - the standard library's signature
        port = await asyncio.get_running_loop().sock_recv(line, _PORT_BYTES)
        if port.strip():
            worker.port = int(port)

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stop.wait(), seconds)
        except TimeoutError:
            return
