"""Lifeline: socket between a supervisor and a worker process.

The worker writes the port of its health server once. When the supervisor ends, for any reason, the
socket closes and the worker stops. So no worker runs without a supervisor.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from typing import Final

from plaudit.logs.logger import event_logger

_log = event_logger(__name__)

ORDERLY_S: Final = 28.0
EXIT_ORPHANED: Final = 71


class Lifeline:
    """The worker's end of the socket.

    Args:
        descriptor: file descriptor of the socket, from the supervisor.
    """

    def __init__(self, descriptor: int) -> None:
        self._line = socket.socket(fileno=descriptor)

    def start(self, port: int) -> None:
        """Send the port, and stop when the supervisor ends."""
        self._line.sendall(b"%d\n" % port)
        threading.Thread(target=self._wait, name="lifeline", daemon=True).start()

    def _wait(self) -> None:
        try:
            while self._line.recv(16):
                pass
        except OSError as error:
            _log.warning("supervisor.connection_lost", extra={"error": str(error)})
        _log.error("supervisor.ended")
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(ORDERLY_S)
        os._exit(EXIT_ORPHANED)
