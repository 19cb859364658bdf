"""A server process that never outlives us, not even when we are killed with SIGKILL.

It starts as a shell, forks a guard and becomes the program (exec). Guard and program share a
process group of their own, so that Ctrl-C in a terminal reaches neither. The guard waits for the
end of a pipe that only we hold open, then kills its group: a group's number isn't given to anyone
else while the guard lives in it, so it can't hit a stranger. (PR_SET_PDEATHSIG would follow the
*thread* that forked, and is Linux only.)
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

STOP_TIMEOUT_S: Final = 60.0
LOG_TAIL_LINES: Final = 15

_GUARDED: Final = 'exec 3<&0; (read -r _ <&3; kill -9 0) & exec "$@" 3<&- </dev/null'


class GuardedProcess:
    """One server; it may be started again after it ended.

    Args:
        log_file: what it writes, over all its runs.
    """

    def __init__(self, log_file: Path) -> None:
        self.log_file = log_file
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        """Whether it lives (which doesn't say that it answers)."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Its process; raises RuntimeError if it is not running."""
        if self._process is None:
            msg = "it has not been launched"
            raise RuntimeError(msg)
        return self._process.pid

    def launch(self, name: str, command: Sequence[str]) -> None:
        """Start it; returns at once."""
        self._forget()  # the run before may have ended by itself
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - the guard of this module's docstring
                ["/bin/sh", "-c", _GUARDED, name, *command],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def ask_to_stop(self) -> None:
        """Send SIGTERM and return; `stop` waits for the end."""
        if self._process is not None:
            self._process.terminate()

    def stop(self, within_s: float = STOP_TIMEOUT_S) -> None:
        """End it in an orderly way (SIGTERM), or kill it when that takes too long."""
        if self._process is None:
            return
        self.ask_to_stop()
        try:
            self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            self.kill()
        self._forget()

    def kill(self) -> None:
        """End it with SIGKILL, as a crash does."""
        if self._process is None:
            return
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._forget()

    def log_tail(self) -> str:
        """Return the last lines that it wrote."""
        try:
            lines = self.log_file.read_text("utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return ""
        return "\n".join(lines[-LOG_TAIL_LINES:])

    def _forget(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()  # the guard, if it still waits, ends
        self._process = None
