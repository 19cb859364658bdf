"""Recorder and console of a development installation, in separate processes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final

from plaudit.kafka.waiting import ask_until

if TYPE_CHECKING:
    from typing import Self

PORT: Final = 8_400
"""Preferred port; if it is in use, another one."""
START_S: Final = 20.0
STOP_S: Final = 10.0
_LOOK_S: Final = 0.1
_PROGRAM: Final = (
    # However the parent ends, its end of the pipe closes, and this process exits.
    "import os, sys, threading; line = int(sys.argv.pop(1)); "
    "threading.Thread(target=lambda: (os.read(line, 1), os._exit(1)), daemon=True).start(); "
    "from plaudit.cli.main import main; main()"
)


class ConsoleProcesses:
    """Runs `plaudit record` and `plaudit serve`; they end with this process.

    Args:
        environment: settings of both processes.
        folder: folder of the database and of their logs.
    """

    def __init__(self, environment: Mapping[str, str], folder: Path) -> None:
        self._port = free_port()
        self._folder = folder
        self._environment = {
            **os.environ,
            **environment,
            "PLAUDIT_DATABASE_URL": f"sqlite:///{folder / 'plaudit.db'}",
            "PLAUDIT_API_PORT": str(self._port),
            "PLAUDIT_CONSOLE_URL": f"http://127.0.0.1:{self._port}",
        }
        self._stack = ExitStack()
        self._running: list[subprocess.Popen[bytes]] = []

    def sign_in_url(self, token: str) -> str:
        """Return the single-use address that signs in with a link's token."""
        return f"http://127.0.0.1:{self._port}/console/enter?token={token}"

    def wait(self) -> bool:
        """Wait until the console answers; return False if it does not."""
        ask_until(lambda: self._listens() or self._has_ended(), START_S, every_s=_LOOK_S)
        return self._listens() and not self._has_ended()

    def _listens(self) -> bool:
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", self._port)) == 0

    def _has_ended(self) -> bool:
        return any(each.poll() is not None for each in self._running)

    def __enter__(self) -> Self:
        for command in ("record", "serve"):
            self._running.append(self._start(command))
        return self

    def __exit__(self, *_: object) -> None:
        for each in self._running:
            each.send_signal(signal.SIGTERM)
        for each in self._running:
            try:
                each.wait(STOP_S)
            except subprocess.TimeoutExpired:
                each.kill()
                each.wait()
        self._stack.close()

    def _start(self, command: str) -> subprocess.Popen[bytes]:
        log = self._stack.enter_context((self._folder / f"{command}.log").open("wb"))
        ours, theirs = socket.socketpair()
        self._stack.callback(ours.close)
        with theirs:
            line = theirs.fileno()
            return subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-c", _PROGRAM, str(line), command],
                env=self._environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=(line,),
                start_new_session=True,
            )


def free_port() -> int:
    """Return the preferred port; if it is in use, another one."""
    for wanted in (PORT, 0):
        try:
            with socket.create_server(("127.0.0.1", wanted)) as probe:
                port: int = probe.getsockname()[1]
                return port
        except OSError:
            continue
    return PORT
