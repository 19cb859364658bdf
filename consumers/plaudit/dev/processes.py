"""Worker processes (`plaudit deliver`), as in production.

Each worker holds one end of a pipe, and this process the other. However this process ends, the pipe
closes, and the worker shuts down.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from typing import Self

STOP_S: Final = 30.0
_TAIL_LINES: Final = 10
_PROGRAM: Final = ("-c", "from plaudit.cli.main import main; main()", "deliver")


class WorkerDied(Exception):
    """A worker ended unexpectedly; the message has the end of its log."""


class Workers:
    """Worker processes that end with this one.

    Args:
        count: number of workers.
        environment: their settings, which override those of this process.
        folder: folder of their logs.
        cores: a CPU core for each worker; empty: the system chooses.
    """

    def __init__(
        self,
        count: int,
        environment: Mapping[str, str],
        folder: Path,
        *,
        cores: Sequence[int] = (),
    ) -> None:
        self._count = count
        self._cores = cores
        self._environment = {**os.environ, **environment}
        self._folder = folder
        self._stack = ExitStack()
        self._running: list[subprocess.Popen[bytes]] = []

    def log(self, number: int) -> Path:
        """Return the path of a worker's log."""
        return self._folder / f"deliver-{number}.log"

    @property
    def pids(self) -> tuple[int, ...]:
        """Process ids of the workers, in the order of their start."""
        return tuple(worker.pid for worker in self._running)

    def check(self) -> None:
        """Check that all workers are running.

        Raises:
            WorkerDied: a worker ended unexpectedly.
        """
        for number, worker in enumerate(self._running):
            if worker.poll() is not None:
                tail = self.log(number).read_text(errors="replace").splitlines()[-_TAIL_LINES:]
                said = "\n  ".join(tail)
                raise WorkerDied(f"a worker ended with exit code {worker.returncode}:\n  {said}")

    def __enter__(self) -> Self:
        for number in range(self._count):
            worker = self._start(number)
            self._running.append(worker)
            if self._cores:
                # At once, while it has one thread, because later threads inherit the affinity.
                os.sched_setaffinity(worker.pid, {self._cores[number]})
        return self

    def _start(self, number: int) -> subprocess.Popen[bytes]:
        log = self._stack.enter_context(self.log(number).open("wb"))
        ours, theirs = socket.socketpair()
        self._stack.callback(ours.close)
        with theirs:
            line = str(theirs.fileno())
            return subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, *_PROGRAM, "--lifeline", line],
                env=self._environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=(theirs.fileno(),),
                # Ctrl-C must reach only this process, which stops the workers in order.
                start_new_session=True,
            )

    def stop(self) -> tuple[int, ...]:
        """Stop the workers gracefully; return their exit codes."""
        for worker in self._running:
            worker.send_signal(signal.SIGTERM)
        for worker in self._running:
            try:
                worker.wait(STOP_S)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()
        return tuple(worker.returncode for worker in self._running)

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._stack.close()
