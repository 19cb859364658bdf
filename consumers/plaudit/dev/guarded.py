"""Server process that never outlives this one, not even after SIGKILL.

It starts as a shell, forks a guard and becomes the program (exec). Guard and program share a
separate process group, so that Ctrl-C in a terminal reaches neither. The guard waits for the end of
a pipe that only this process holds open, and then kills its group. No other group can have the same
number while the guard is in it. (PR_SET_PDEATHSIG would follow the *thread* that forked, and exists
on Linux only.)
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
    """A server process, which may be started again after it has ended.

    Args:
        log_file: receives the output of all its runs.
    """

    def __init__(self, log_file: Path) -> None:
        self.log_file = log_file
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        """Whether the process is alive; it may not answer yet."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Process id; raises RuntimeError if the process is not running."""
        if self._process is None:
            msg = "the process was not launched"
            raise RuntimeError(msg)
        return self._process.pid

    def launch(self, name: str, command: Sequence[str]) -> None:
        """Start the process, and return at once."""
        self._forget()  # the previous run may have ended on its own
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
        """Stop the process with SIGTERM; kill it if that takes too long."""
        if self._process is None:
            return
        self.ask_to_stop()
        try:
            self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            self.kill()
        self._forget()

    def kill(self) -> None:
        """Kill the process with SIGKILL, like a crash."""
        if self._process is None:
            return
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._forget()

    def log_tail(self) -> str:
        """Return the last lines of the log."""
        try:
            lines = self.log_file.read_text("utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return ""
        return "\n".join(lines[-LOG_TAIL_LINES:])

    def _forget(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()  # ends the guard, if it still waits
        self._process = None
